//! Where the boxes of a picture stand: ranks from top to bottom, few crossings, no line through a box.
//!
//! Every line that spans more than one rank is led through a point of its own in each rank between,
//! so that it has room there as a box has. The same graph is laid out the same way every time.

use std::collections::BTreeMap;

use rust_sugiyama::{
    configure::{Config, RankingType},
    from_vertices_and_edges,
};

/// Between boxes of a rank.
const GAP: f64 = 24.0;
/// The room of a line that passes a rank.
const LINE: f64 = 10.0;
/// Above and below a box, besides.
const RISE: f64 = 4.0;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size {
    pub width: f64,
    pub height: f64,
}

/// The middle of a box, or of a line where it passes a rank; the rank's boxes lie between `top` and
/// `bottom`, where a line goes straight down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    pub x: f64,
    pub y: f64,
    pub top: f64,
    pub bottom: f64,
}

#[derive(Debug)]
pub struct Layout {
    pub places: Vec<Place>,
    /// For each edge, where it passes the ranks between its two boxes, in order.
    pub ways: Vec<Vec<Place>>,
    pub size: Size,
}

/// Of an acyclic graph: (from, to) by position in `boxes`.
pub fn lay_out(boxes: &[Size], edges: &[(usize, usize)]) -> Layout {
    let ranks = ranks(boxes.len(), edges);
    let mut vertices: Vec<(u32, (f64, f64))> = Vec::with_capacity(boxes.len());
    let mut add = |size: (f64, f64)| {
        let vertex = vertices.len() as u32;
        vertices.push((vertex, size));
        vertex
    };
    for size in boxes {
        add((size.width, size.height + 2.0 * RISE));
    }
    let mut links = Vec::new();
    let mut chains: Vec<Vec<usize>> = Vec::with_capacity(edges.len());
    for (from, to) in edges {
        let (mut last, mut chain) = (*from as u32, Vec::new());
        for _ in ranks[*from] + 1..ranks[*to] {
            let point = add((LINE, 0.0));
            links.push((last, point));
            chain.push(point as usize);
            last = point;
        }
        // A second line between the same two would be the same line.
        if !links.contains(&(last, *to as u32)) {
            links.push((last, *to as u32));
        }
        chains.push(chain);
    }
    let config = Config {
        vertex_spacing: GAP,
        dummy_vertices: false,
        ranking_type: RankingType::MinimizeEdgeLength,
        ..Config::default()
    };
    let all = side_by_side(&vertices, from_vertices_and_edges(&vertices, &links, &config));
    let size = Size {
        width: all.iter().zip(&vertices).map(|(place, (_, size))| place.x + size.0 / 2.0).fold(0.0, f64::max).ceil()
            + 1.0,
        height: all.iter().map(|place| place.bottom).fold(0.0, f64::max).ceil() + 1.0,
    };
    let ways = chains.into_iter().map(|chain| chain.into_iter().map(|point| all[point]).collect()).collect();
    Layout { places: all.into_iter().take(boxes.len()).collect(), ways, size }
}

/// Each as far up as it can be; one that nothing leads to stands right above what it leads to.
fn ranks(count: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut ranks = vec![0; count];
    // An acyclic graph settles after as many turns as it has ranks.
    for _ in 0..count {
        let mut changed = false;
        for (from, to) in edges {
            if ranks[*to] <= ranks[*from] {
                ranks[*to] = ranks[*from] + 1;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    for at in 0..count {
        if edges.iter().all(|(_, to)| *to != at)
            && let Some(below) = edges.iter().filter(|(from, _)| *from == at).map(|(_, to)| ranks[*to]).min()
        {
            ranks[at] = below - 1;
        }
    }
    ranks
}

type Parts = Vec<(Vec<(usize, (f64, f64))>, f64, f64)>;

/// Parts that nothing connects, from left to right in the order of their first boxes; whole numbers
/// from 0 on.
fn side_by_side(vertices: &[(u32, (f64, f64))], parts: Parts) -> Vec<Place> {
    let mut places = vec![Place { x: 0.0, y: 0.0, top: 0.0, bottom: 0.0 }; vertices.len()];
    let mut parts: Vec<_> = parts.into_iter().map(|(places, ..)| places).filter(|places| !places.is_empty()).collect();
    parts.sort_by_key(|part| part.iter().map(|(vertex, _)| *vertex).min());
    let mut left = 0.0;
    for part in parts {
        let edge = |vertex: usize, x: f64, by: f64| x + by * vertices[vertex].1.0 / 2.0;
        let least = part.iter().map(|(vertex, (x, _))| edge(*vertex, *x, -1.0)).fold(f64::MAX, f64::min);
        let most = part.iter().map(|(vertex, (x, _))| edge(*vertex, *x, 1.0)).fold(f64::MIN, f64::max);
        // Half the height of the highest box of each rank: the middles of a rank are level.
        let mut reach: BTreeMap<i64, f64> = BTreeMap::new();
        for (vertex, (_, y)) in &part {
            let half = (vertices[*vertex].1.1 / 2.0 - RISE).max(0.0);
            let known = reach.entry(y.round() as i64).or_default();
            *known = known.max(half);
        }
        let top = reach.first_key_value().map_or(0.0, |(y, half)| *y as f64 - half);
        for (vertex, (x, y)) in part {
            let half = reach.get(&(y.round() as i64)).copied().unwrap_or_default();
            let y = y.round() - top;
            places[vertex] = Place {
                x: (x - least + left).round(),
                y: y.round(),
                top: (y - half).round(),
                bottom: (y + half).round(),
            };
        }
        left += most - least + 2.0 * GAP;
    }
    places
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn boxes(count: usize) -> Vec<Size> {
        (0..count).map(|at| Size { width: 60.0 + (at * 37 % 120) as f64, height: 30.0 + (at % 3 * 8) as f64 }).collect()
    }

    fn corners(place: Place, size: Size) -> [f64; 4] {
        [
            place.x - size.width / 2.0,
            place.y - size.height / 2.0,
            place.x + size.width / 2.0,
            place.y + size.height / 2.0,
        ]
    }

    fn apart(a: [f64; 4], b: [f64; 4]) -> bool {
        a[2] <= b[0] + 1.0 || b[2] <= a[0] + 1.0 || a[3] <= b[1] + 1.0 || b[3] <= a[1] + 1.0
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn no_two_boxes_meet_no_point_of_a_line_lies_in_one_and_all_lines_go_down(
            count in 1usize..40,
            some in proptest::collection::vec((0usize..40, 1usize..12), 0..70),
        ) {
            let boxes = boxes(count);
            let mut edges: Vec<(usize, usize)> =
                some.into_iter().map(|(from, by)| (from, from + by)).filter(|(_, to)| *to < count).collect();
            edges.sort_unstable();
            edges.dedup();
            let layout = lay_out(&boxes, &edges);
            let frames: Vec<_> = layout.places.iter().zip(&boxes).map(|(place, size)| corners(*place, *size)).collect();
            for (at, frame) in frames.iter().enumerate() {
                for (other, with) in frames.iter().enumerate().skip(at + 1) {
                    prop_assert!(apart(*frame, *with), "{at} and {other}: {frame:?} {with:?}");
                }
                prop_assert!(frame[0] >= -1.0 && frame[1] >= -1.0, "{frame:?}");
                prop_assert!(frame[2] <= layout.size.width && frame[3] <= layout.size.height, "{frame:?}");
            }
            for ((from, to), way) in edges.iter().zip(&layout.ways) {
                let mut above = layout.places[*from].bottom;
                for place in way {
                    // Between ranks a line may bend: there are no boxes.
                    prop_assert!(place.top > above, "{from} to {to}: {way:?}");
                    above = place.bottom;
                    for frame in &frames {
                        let beside = place.x <= frame[0] || place.x >= frame[2];
                        prop_assert!(beside || place.bottom <= frame[1] || place.top >= frame[3], "{from} to {to}: {place:?}");
                    }
                }
                prop_assert!(above < layout.places[*to].top, "{from} to {to} ends above");
            }
            for (place, frame) in layout.places.iter().zip(&frames) {
                prop_assert!(place.top <= frame[1] + 1.0 && place.bottom >= frame[3] - 1.0, "{place:?} {frame:?}");
            }
            // Hash maps of another seed each time.
            let again = lay_out(&boxes, &edges);
            prop_assert_eq!(layout.places, again.places);
            prop_assert_eq!(layout.ways, again.ways);
        }
    }
}
