use super::*;

#[test]
fn an_id_holds_its_instant_to_the_microsecond() {
    for instant in [0, 1, 999, 1_000, 1_795_000_000_123_456] {
        let id = Ids::default().next(instant);
        assert_eq!(instant_of(id), instant);
        assert_eq!((id.get_version_num(), id.get_variant()), (7, uuid::Variant::RFC4122));
    }
}

#[test]
fn ids_strictly_increase_while_the_clock_stands_or_goes_back() {
    let mut ids = Ids::default();
    let mut last = Uuid::nil();
    for instant in [5_000, 5_000, 4_000, 5_001, 5_000] {
        for _ in 0..1_000 {
            let id = ids.next(instant);
            assert!(id > last);
            last = id;
        }
    }
}

#[test]
fn the_order_of_ids_is_the_order_of_instants() {
    let (mut a, mut b) = (Ids::default(), Ids::default());
    for instant in 1_000_000..1_002_000 {
        assert!(a.next(instant) < b.next(instant + 1));
        assert!(floor_of(instant) <= a.next(instant));
    }
}

#[test]
fn base32_takes_five_bits_a_letter() {
    assert_eq!(base32(&[0xff, 0x00]), "zw00");
    assert_eq!(base32(&random()[..16]).len(), 26);
    assert_ne!(random(), random());
}
