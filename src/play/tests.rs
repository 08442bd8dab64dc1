//! What comes of requests: the same answers to the same, and what a loop does without each of its rules.

use std::thread;

use serde_json::{Value, json};

use super::{Manner, Play, Rule};

fn ask(play: &mut Play, request: &Value) -> Value {
    serde_json::from_str(&play.ask(&request.to_string())).unwrap()
}

fn events(seed: u64, scenario: &str, after: usize) -> Value {
    json!({"ask": "events", "seed": seed, "scenario": scenario, "after": after})
}

/// A run to its end.
struct Played {
    records: Vec<Value>,
    end: String,
}

fn play(seed: u64, scenario: &str) -> Played {
    let mut play = Play::default();
    let mut records = Vec::new();
    loop {
        let mut request = events(seed, scenario, records.len());
        request["until"] = json!(usize::MAX);
        let answer = ask(&mut play, &request);
        let Some(more) = answer["records"].as_array() else { panic!("{scenario}: {answer}") };
        records.extend(more.iter().cloned());
        if let Some(end) = answer["end"]["how"].as_str() {
            return Played { records, end: end.into() };
        }
        assert!(!more.is_empty(), "an answer brings it on");
    }
}

impl Played {
    /// What went wrong, in order.
    fn wrongs(&self) -> Vec<&str> {
        let wrongs = self.records.iter().filter_map(|record| record["wrong"].as_array());
        wrongs.flatten().map(|wrong| wrong["what"].as_str().unwrap()).collect()
    }

    /// How the connections ended, in order: the number, the reason.
    fn endings(&self) -> Vec<(u64, &str)> {
        let closed = self.records.iter().filter(|record| record["event"] == "closed");
        closed
            .map(|it| (it["connection"].as_u64().unwrap(), it["reason"].as_str().unwrap()))
            .collect()
    }
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
    // Backwards, and from the beginning each time.
    for (after, answer) in answers.iter().rev().step_by(7) {
        assert_eq!(ask(&mut Play::default(), &events(7, scenario, *after)), *answer);
        assert_eq!(ask(&mut play, &events(7, scenario, *after)), *answer);
    }
    let (after, answer) = &answers[answers.len() / 2];
    assert_ne!(ask(&mut play, &events(8, scenario, *after)), *answer);
}

#[test]
fn with_all_rules_kept_nothing_goes_wrong() {
    for seed in 0..5 {
        let all = Manner::ALL.map(Manner::name).join("\n");
        for settings in
            ["", "service login\nauth none", "service upper-once\ninterrupted 30", "few-events"]
        {
            let played = play(seed, &format!("{settings}\n{all}"));
            assert_eq!((played.end.as_str(), played.wrongs()), ("over", vec![]), "seed {seed}");
        }
    }
}

#[test]
fn without_any_rule_or_any_two_a_run_ends_and_nothing_panics() {
    thread::scope(|scope| {
        for seed in 0..2 {
            scope.spawn(move || play_without_any_two(seed));
        }
    });
}

fn play_without_any_two(seed: u64) {
    let manners = Manner::ALL.map(Manner::name).join("\n");
    for (nth, one) in Rule::ALL.iter().enumerate() {
        for other in &Rule::ALL[nth..] {
            let rules = format!("break {}\nbreak {}", one.name(), other.name());
            let faults = "interrupted 20\nmax-buffer 100\ndescriptors 5\nstop at 90s";
            play(seed, &format!("{rules}\n{faults}\n{manners}\n20 legal at 1s"));
        }
    }
}

/// Until the idle timeout, and it would be for ever without one.
fn assert_hangs(scenario: &str, beside: &str) {
    let whole = play(3, scenario);
    assert_eq!((whole.wrongs(), whole.endings()), (vec![], vec![(1, "done")]), "{scenario}");
    let broken = play(3, &format!("{scenario}\n{beside}"));
    assert_eq!(broken.wrongs(), ["the loop sleeps, but there is something to read"], "{beside}");
    assert_eq!(broken.endings(), [(1, "idle_timeout")], "{beside}");
    let for_ever = play(3, &format!("{scenario}\n{beside}\nidle-timeout 60m\nhangup at 30m"));
    assert!(for_ever.records.iter().any(|it| it["time"].as_f64() > Some(1800.)), "{beside}");
}

#[test]
fn who_reads_a_little_for_each_edge_sleeps_beside_the_rest() {
    assert_hangs("legal size 400", "break short-read");
}

#[test]
fn who_forgets_the_end_keeps_whoever_has_left() {
    assert_hangs("half-closer", "break end");
}

#[test]
fn who_waits_for_an_edge_to_resume_a_paused_read_waits_for_ever() {
    assert_hangs("slow-reader", "break paused-read");
}

#[test]
fn who_takes_readiness_for_a_level_spins() {
    let whole = play(3, "silent");
    assert_eq!((whole.end.as_str(), whole.records.len() < 60), ("over", true));
    let broken = play(3, "silent\nbreak edges");
    assert_eq!((broken.end.as_str(), broken.endings()), ("spins", vec![]));
    // The clock goes on: it spins for less than a second, and the silent one has ten.
    assert!(broken.records.last().unwrap()["time"].as_f64() < Some(2.));
}

#[test]
fn who_believes_that_a_send_takes_all_loses_the_rest() {
    let broken = play(3, "slow-reader\nbreak short-write");
    let lost = |what: &&str| what.starts_with("the kernel took ") && what.ends_with("thrown away");
    assert!(broken.wrongs().iter().any(lost), "{:?}", broken.wrongs());
    // The client waits for the rest, and the server for the client.
    assert_eq!(broken.endings(), [(1, "idle_timeout")]);
}

#[test]
fn without_generations_the_wrong_one_is_hung_up_on() {
    let scenario = "half-closer\nlegal at 1s\nlegal at 1s";
    let whole = play(3, scenario);
    assert!(whole.endings().iter().all(|(_, reason)| *reason == "done"), "{:?}", whole.endings());
    let broken = play(3, &format!("{scenario}\nbreak generation"));
    assert_eq!(
        broken.wrongs(),
        ["the last edge of connection 1, which has ended, reaches this one"]
    );
    assert_eq!(broken.endings()[..2], [(1, "done"), (2, "short_digest")]);
}

#[test]
fn the_buffers_are_told_as_they_are() {
    let played = play(5, "slow-reader\nsend-buffer 1000\nwindow 500\nreceive-buffer 2000");
    let mut last = json!(null);
    for record in &played.records {
        let offered =
            record["event"] == "sent" && record["bytes"].as_u64() < record["offered"].as_u64();
        last = record.get("buffers").map_or(last, |buffers| buffers[0].clone());
        if offered {
            assert_eq!(last["send"], json!([1000, 1000]), "a short write leaves no room: {record}");
        }
        for (name, room) in [("receive", 2000), ("send", 1000), ("client", 500)] {
            let level = &last[name];
            assert!(last.is_null() || level[1] == room && level[0].as_u64() <= level[1].as_u64());
        }
    }
    assert!(!last.is_null());
}

#[test]
fn a_question_has_three_choices_and_the_right_one_is_what_happens() {
    let scenario = "legal\nwrong-secret at 1s\n20 flood at 2s";
    let played = play(2, scenario);
    let mut play = Play::default();
    let mut places = [0; 3];
    for after in 0..played.records.len() {
        let request = json!({"ask": "next", "seed": 2, "scenario": scenario, "after": after});
        let question = ask(&mut play, &request)["question"].clone();
        let Some(choices) = question["choices"].as_array() else {
            assert!(after + 20 > played.records.len(), "{after}: {question}");
            continue;
        };
        assert!(choices[0] != choices[1] && choices[1] != choices[2] && choices[0] != choices[2]);
        let right = question["right"].as_u64().unwrap() as usize;
        let shown = &played.records[question["event"].as_u64().unwrap() as usize - 1];
        let word = match shown["event"].as_str().unwrap() {
            "waiting" => "sleep",
            "opened" | "refused" => "accept",
            "received" => "read",
            "sent" => "send",
            "shut_down" => "shut down",
            "requeued" => "put",
            "deadline" => "end",
            other => other.trim_end_matches('d'),
        };
        assert!(choices[right].as_str().unwrap().starts_with(word), "{question} {shown}");
        places[right] += 1;
    }
    assert!(places.iter().all(|count| count * 6 > played.records.len()), "{places:?}");
}

#[test]
fn what_is_no_request_is_one_error() {
    let mut play = Play::default();
    let past = json!({"ask": "events", "seed": 1u64 << 53, "scenario": "", "after": 0});
    let far = json!({"ask": "events", "seed": 1, "scenario": "", "after": u64::MAX});
    let other = json!({"ask": "events", "seed": 1, "scenario": "", "after": 0, "before": 1});
    for request in ["", "[", "{}", "null", r#"{"ask":"words","ask":"words"}"#]
        .map(str::to_owned)
        .into_iter()
        .chain([past, far, other].map(|it| it.to_string()))
    {
        let answer: Value = serde_json::from_str(&play.ask(&request)).unwrap();
        assert!(answer["error"].is_string(), "{request}: {answer}");
    }
    let answer = ask(&mut play, &events(1, "legal\n  lagel at 2s", 0));
    assert_eq!((&answer["line"], &answer["word"]), (&json!(2), &json!("lagel")));
    let words = ask(&mut play, &json!({"ask": "words"}));
    assert_eq!(words["clients"].as_array().unwrap().len(), Manner::ALL.len());
    assert_eq!(words["rules"][0]["number"], 1);
}

#[test]
fn a_run_that_would_not_end_is_played_no_further() {
    let played = play(1, "descriptors 0\nlegal");
    assert_eq!(played.end, "enough");
    assert!(played.records.len() < 51_000, "{}", played.records.len());
    let answer = ask(&mut Play::default(), &events(1, "descriptors 0\nlegal", 90_000));
    assert_eq!((&answer["records"], &answer["end"]["how"]), (&json!([]), &json!("enough")));
}

/// Each setting beside another value of it: a loop that is told neither would do the same.
#[test]
fn what_is_set_is_what_is_played() {
    for (one, other) in [
        ("interrupted 50\n3 legal", "interrupted 0\n3 legal"),
        ("descriptors 1 until 2s\n3 legal", "descriptors 1 until 9s\n3 legal"),
        ("service login\ncheck-time 9s\nlegal", "service login\ncheck-time 20ms\nlegal"),
        ("hangup at 9s\nlegal", "hangup at 30s\nlegal"),
    ] {
        let [one, other] = [one, other].map(|scenario| play(1, scenario).records);
        assert!(!one.is_empty() && one != other, "{one:?}");
    }
}
