use super::*;

/// A row that is wanted or not, in a lane.
type Row = (usize, u128, bool);

/// All pages of `size`, as a reader would go through them: ids, and how many rows each page looked at.
fn pages(lanes: usize, rows: &[Row], size: usize, most: usize) -> (Vec<u128>, Vec<usize>) {
    let (mut ids, mut looked, mut before) = (Vec::new(), Vec::new(), Uuid::max());
    loop {
        let mut page = Lanes::new(lanes, before, size, most);
        let mut seen = 0;
        while let Some((asked, limit)) = page.next() {
            let mut read = Vec::new();
            for (lane, below) in &asked {
                let mut own: Vec<&Row> =
                    rows.iter().filter(|row| row.0 == *lane && Uuid::from_u128(row.1) < *below).collect();
                own.sort_by_key(|row| std::cmp::Reverse(row.1));
                read.extend(own.into_iter().take(limit).map(|(lane, id, wanted)| Seen {
                    lane: *lane,
                    id: Uuid::from_u128(*id),
                    row: wanted.then_some(()),
                }));
            }
            seen += read.len();
            page.seen(&asked, limit, read);
        }
        let (found, next) = page.page();
        let mut own: Vec<u128> = found.iter().map(|(id, ())| id.as_u128()).collect();
        own.dedup();
        assert!(own.len() <= size, "{own:?}");
        ids.extend(own);
        looked.push(seen);
        assert!(looked.len() < 10_000, "it goes on for ever");
        match next {
            Some(next) => {
                assert!(next < before);
                before = next;
            }
            None => return (ids, looked),
        }
    }
}

#[test]
fn every_row_comes_once_and_in_order_whatever_the_lanes() {
    let mut state = 7_u64;
    let mut dice = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for _ in 0..2_000 {
        let lanes = 1 + dice(5) as usize;
        let mut rows: Vec<Row> =
            (0..dice(60)).map(|_| (dice(lanes as u64) as usize, 1 + u128::from(dice(200)), dice(3) > 0)).collect();
        rows.sort_unstable();
        rows.dedup_by_key(|row| (row.0, row.1));
        let (size, most) = (1 + dice(6) as usize, 1 + dice(30) as usize);
        let (ids, looked) = pages(lanes, &rows, size, most);
        let mut wanted: Vec<u128> = rows.iter().filter(|row| row.2).map(|row| row.1).collect();
        wanted.sort_unstable_by_key(|id| std::cmp::Reverse(*id));
        wanted.dedup();
        assert_eq!(ids, wanted, "{lanes} lanes, pages of {size}, {most} looked at: {rows:?}");
        // Each lane at least once, or what may be looked at and one round beyond.
        assert!(looked.iter().all(|seen| *seen <= most + lanes * (CHUNK_MIN + size)), "{looked:?} of {most}");
    }
}

#[test]
fn a_lane_that_is_older_than_the_page_is_left_alone() {
    let newer = (0..100).map(|n| (0, 1_000 + n, true));
    let older = (0..100).map(|n| (1, 1 + n, true));
    let rows: Vec<Row> = newer.chain(older).collect();
    let (ids, looked) = pages(2, &rows, 10, 1_000);
    assert_eq!(ids.len(), 200);
    assert!(looked[0] <= 22, "{looked:?}");
}

#[test]
fn what_is_not_wanted_is_looked_at_within_bounds() {
    let rows: Vec<Row> = (1..=5_000).map(|n| (0, n, n == 1)).collect();
    let (ids, looked) = pages(1, &rows, 10, 1_000);
    assert_eq!(ids, [1]);
    assert_eq!(looked, [1_000, 1_000, 1_000, 1_000, 1_000, 0]);
}
