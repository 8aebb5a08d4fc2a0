use std::time::Duration;

use super::*;

async fn waits(places: &Places, partner: &str) -> bool {
    tokio::time::timeout(Duration::from_millis(50), places.take(partner)).await.is_err()
}

#[tokio::test]
async fn what_is_over_the_places_waits_for_one() {
    let places = Places::new(4);
    let mut taken = Vec::new();
    for partner in ["a", "b", "c", "d"] {
        taken.push(places.take(partner).await);
    }
    assert!(waits(&places, "e").await);
    taken.remove(0);
    assert!(!waits(&places, "e").await);
}

#[tokio::test]
async fn one_partner_leaves_a_quarter_to_the_others() {
    let places = Places::new(4);
    let taken = [places.take("slow").await, places.take("slow").await, places.take("slow").await];
    let waiting = tokio::spawn({
        let places = places.clone();
        async move { places.take("slow").await }
    });
    assert!(waits(&places, "slow").await, "three of four are its own");
    assert!(!waits(&places, "quick").await, "and who waits for it takes no place");
    drop(taken);
    waiting.await.expect("served");
}

#[tokio::test]
async fn one_place_is_enough_for_all_in_turn() {
    let places = Places::new(0);
    drop(places.take("a").await);
    drop(places.take("b").await);
    assert_eq!(places.0.partners.lock().expect("whole").len(), 1, "the partner with nobody in it is let go");
}
