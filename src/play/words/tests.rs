//! Every word, every error, and no text that goes past a bound.

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<Scenario, ScenarioError> {
    text.parse()
}

#[test]
fn every_word_is_read_and_means_what_it_says() {
    let text = "# all there is\n service login # and more\nauth none\nreceive-buffer 16\n\
                send-buffer 1KiB\nwindow 2KiB\nmax-buffer 300\nhandshake-timeout 1s\n\
                idle-timeout 2m\nwrite-timeout 30s\nmax-connections 3\ncheck-time 20ms\n\
                interrupted 7\nfew-events\ndescriptors 2 until 5s\nhangup at 1s\nstop at 1m\n\n\
                3 legal at 2s size 10\nflood\nsilent\nbreak end\nbreak edges\n";
    let scenario = read(text).unwrap();
    let group = |manner, count, at, size| Group { manner, count, at, size };
    let expected = Scenario {
        service: Service::Login,
        scheme: None,
        receive_buffer: 16,
        send_buffer: 1024,
        window: 2048,
        max_buffer: 300,
        handshake_timeout: Duration::from_secs(1),
        idle_timeout: Duration::from_secs(120),
        write_timeout: Duration::from_secs(30),
        max_connections: Some(3),
        interrupted: 70,
        few_events: true,
        descriptors: Some((2, Some(Duration::from_secs(5)))),
        hangup: Some(Duration::from_secs(1)),
        stop: Some(Duration::from_secs(60)),
        check_time: Duration::from_millis(20),
        broken: vec![Rule::End, Rule::Edges],
        groups: vec![
            group(Manner::Legal, 3, Duration::from_secs(2), 10),
            group(Manner::Flood, 200, Duration::ZERO, 100),
            group(Manner::Silent, 1, Duration::ZERO, 100),
        ],
    };
    assert_eq!(scenario, expected);
}

#[test]
fn what_is_wrong_is_said_with_its_line_and_its_word() {
    let cases = [
        ("lagel", 1, "lagel"),
        ("legal\n\n  legal at", 3, "at"),
        ("legal at 2", 1, "2"),
        ("legal at +2s", 1, "+2s"),
        ("legal at 2h", 1, "2h"),
        ("legal at 61m", 1, "61m"),
        ("legal at 99999999999999999999s", 1, "99999999999999999999s"),
        ("legal legal", 1, "legal"),
        ("legal size 300KiB", 1, "300KiB"),
        ("legal size 18446744073709551615KiB", 1, "18446744073709551615KiB"),
        ("5", 1, "5"),
        ("5 lagel", 1, "lagel"),
        ("0 legal", 1, "legal"),
        ("301 legal", 1, "legal"),
        ("flood\nflood", 2, "flood"),
        ("5 slow-reader size 256KiB", 1, "256KiB"),
        ("max-buffer 1", 1, "1"),
        ("interrupted 91", 1, "91"),
        ("service lower", 1, "lower"),
        ("few-events often", 1, "often"),
        ("descriptors 2 till 5s", 1, "till"),
        ("stop 5s", 1, "5s"),
        ("break", 1, "break"),
        ("break rules", 1, "rules"),
        ("la\u{202e}gel", 1, r"la\u{202e}gel"),
    ];
    for (text, line, word) in cases {
        let error = read(text).unwrap_err();
        assert_eq!((error.line, error.word.as_str()), (line, word), "{text}: {error}");
        assert!(error.to_string().starts_with(&format!("line {line}, '{word}': ")), "{error}");
    }
    let error = read(&"legal\n".repeat(2000)).unwrap_err();
    assert_eq!(error.why, "from 1 to 300 clients come in all");
    let error = read(&"# and so on\n".repeat(2000)).unwrap_err();
    assert_eq!(error.why, "a scenario has at most 8192 bytes");
}

/// A word that there is, or a number, or anything.
fn word() -> impl Strategy<Value = String> {
    let known = Manner::ALL.map(Manner::name).into_iter().chain(Rule::ALL.map(Rule::name));
    let more = "service auth max-buffer window at size until break stop hangup descriptors \
                interrupted few-events login none echo 2s 10ms 4KiB # \n";
    let known: Vec<String> = known.chain(more.split(' ')).map(str::to_owned).collect();
    let groups =
        ["\nflood\n", "\n200 legal\n", "\nslow-reader size 256KiB\n", "\n9 silent size 99KiB\n"];
    prop_oneof![
        8 => proptest::sample::select(groups.map(str::to_owned).to_vec()),
        8 => proptest::sample::select(known),
        2 => any::<u64>().prop_map(|number| number.to_string()),
        1 => ".*",
    ]
}

proptest! {
    #[test]
    fn no_text_panics_or_goes_past_a_bound(words in prop::collection::vec(word(), 0..12)) {
        if let Ok(scenario) = read(&words.join(" ")) {
            prop_assert!(scenario.clients() <= MOST_CLIENTS);
            let bytes = scenario.groups.iter().map(|group| group.count * group.size);
            prop_assert!(bytes.sum::<usize>() <= MOST_BYTES_IN_ALL);
        }
    }
}
