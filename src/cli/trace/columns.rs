//! Lines of a trace, by columns: a browser reads it in half the time that an object for each event takes it, and the page
//! is half as large.
//!
//! Events of a kind have the same fields. Of each kind the first is written whole, and then of each field that is not the
//! same in all of them the values: `{"order":[0,1,0],"kinds":[[{…},{"time":[1.5,2.5]}],…]}`, where the order has the kind
//! of each event. A value stands as it stood on its line. The page reads it in `lines.js`. Never here: which lines are
//! events.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

#[derive(Default, Serialize)]
struct Columns<'a> {
    order: Vec<usize>,
    kinds: Vec<(Row<'a>, BTreeMap<Field<'a>, Vec<&'a RawValue>>)>,
}

/// An event.
type Row<'a> = BTreeMap<Field<'a>, &'a RawValue>;

/// The name of a field.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
struct Field<'a>(#[serde(borrow)] Cow<'a, str>);

/// Lines that are JSON objects, as one; fails where one is none.
pub(super) fn columns(lines: &[&str]) -> serde_json::Result<String> {
    let mut columns = Columns::default();
    for line in lines {
        let row: Row = serde_json::from_str(line)?;
        // There are few kinds.
        let known = columns.kinds.iter().position(|(first, _)| first.keys().eq(row.keys()));
        let kind = known.unwrap_or(columns.kinds.len());
        if known.is_none() {
            let fields = row.keys().map(|field| (field.clone(), Vec::new())).collect();
            columns.kinds.push((row.clone(), fields));
        }
        columns.order.push(kind);
        for (values, value) in columns.kinds[kind].1.values_mut().zip(row.into_values()) {
            values.push(value);
        }
    }
    for (first, fields) in &mut columns.kinds {
        fields.retain(|field, values| values.iter().any(|value| value.get() != first[field].get()));
    }
    serde_json::to_string(&columns)
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::HashMap;

    use serde_json::{Value, json};

    use super::*;

    /// The events again, as the page has them.
    pub(in super::super) fn rows(text: &str) -> Vec<Value> {
        let Value::Object(columns) = serde_json::from_str(text).unwrap() else { panic!("{text}") };
        let order = columns["order"].as_array().unwrap();
        let mut next = HashMap::new();
        let row = |kind: &Value| {
            let kind = usize::try_from(kind.as_u64().unwrap()).unwrap();
            let i = next.entry(kind).and_modify(|i| *i += 1).or_insert(0);
            let [first, fields] = columns["kinds"][kind].as_array().unwrap().as_slice() else {
                panic!("{text}")
            };
            let mut row = first.clone();
            for (field, values) in fields.as_object().unwrap() {
                row[field] = values[*i].clone();
            }
            row
        };
        order.iter().map(row).collect()
    }

    #[test]
    fn each_event_is_what_it_was_on_its_line() {
        let lines = [
            r#"{"time":0.1,"event":"turn","ready":1}"#,
            r#"{"time":0.1,"connection":1,"event":"ready","readable":true}"#,
            r#"{"time":0.2,"connection":2,"event":"ready","readable":true}"#,
            r#"{"time":0.3,"connection":1,"event":"accepted","peer":"a"}"#,
            r#"{"time":0.3,"connection":2,"event":"requeued"}"#,
            r#"{"event":"turn","ready":1,"time":0.10000000000000001}"#,
            r#"{ "time": 4, "event": "dreamt", "of": [ {"sheep": 1}, null ], "__proto__": {} }"#,
            r#"{"time":1e-9,"connection":1,"event":"ready","readable":[]}"#,
            r#"{"event":"\u003c\" x"}"#,
        ];
        let text = columns(&lines).unwrap();
        assert_eq!(rows(&text), lines.map(|line| serde_json::from_str::<Value>(line).unwrap()));
        // To the letter: another who reads it may have other numbers.
        assert!(text.contains(r#"[0.1,0.10000000000000001]"#), "{text}");
        assert!(!text.contains('\n'), "{text}");
    }

    #[test]
    fn what_is_the_same_in_all_is_written_once() {
        let line = |time: u8| format!(r#"{{"time":{time},"event":"x","peer":"10.0.0.1:1"}}"#);
        let lines = [line(1), line(2), line(3)];
        let lines = lines.each_ref().map(String::as_str);
        let expected = json!({
            "order": [0, 0, 0],
            "kinds": [[{"event": "x", "peer": "10.0.0.1:1", "time": 1}, {"time": [1, 2, 3]}]],
        });
        assert_eq!(serde_json::from_str::<Value>(&columns(&lines).unwrap()).unwrap(), expected);
        assert_eq!(columns(&[]).unwrap(), r#"{"order":[],"kinds":[]}"#);
    }
}
