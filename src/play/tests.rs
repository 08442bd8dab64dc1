//! What comes of requests and scenarios.

use serde_json::{Value, json};

use super::Play;

fn ask(play: &mut Play, request: &Value) -> Value {
    serde_json::from_str(&play.ask(&request.to_string())).unwrap()
}

fn events(seed: u64, scenario: &str, after: usize) -> Value {
    json!({"ask": "events", "seed": seed, "scenario": scenario, "after": after})
}

#[test]
fn the_same_request_has_the_same_answer_whatever_was_asked_before() {
    let scenario = "2 legal\nslow-reader at 1s\nresetter at 2s\ninterrupted 20";
    let mut play = Play::default();
    let mut after = 0;
    let mut answers = Vec::new();
    loop {
        let answer = ask(&mut play, &events(7, scenario, after));
        let more = answer["records"].as_array().unwrap().len();
        answers.push((after, answer.clone()));
        after += more;
        if !answer["end"].is_null() {
            break;
        }
        assert!(more > 0, "each turn tells something");
    }
    assert!(answers.len() > 20, "{} turns", answers.len());
    for (after, answer) in answers.into_iter().rev() {
        assert_eq!(ask(&mut Play::default(), &events(7, scenario, after)), answer);
    }
}
