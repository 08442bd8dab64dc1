//! The two fields of a login, from a JSON object.
//!
//! As in the source document: the fields are `username` and `passwd`, others are ignored, and of a
//! field that is there twice the last one counts. `serde_json` says what is JSON.

use std::fmt;

use serde::Deserializer;
use serde::de::{Deserialize, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::auth::Credentials;

/// The login in `object`; `None` if that is no JSON object. If a field is missing or is not a
/// string, the credentials can't be right.
pub(super) fn credentials(object: &[u8]) -> Option<Credentials> {
    let Fields(credentials) = serde_json::from_str(std::str::from_utf8(object).ok()?).ok()?;
    Some(credentials)
}

struct Fields(Credentials);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fields, D::Error> {
        deserializer.deserialize_map(FieldsVisitor).map(Fields)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Credentials;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Credentials, A::Error> {
        let (mut name, mut password) = (None, None);
        while let Some(field) = map.next_key()? {
            match field {
                Field::Name => name = text(map.next_value()?),
                Field::Password => password = text(map.next_value()?),
                Field::Other => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(match (name, password) {
            (Some(name), Some(password)) => Credentials::new(&name, password),
            (name, _) => Credentials::incomplete(&name.unwrap_or_default()),
        })
    }
}

/// The text of a value, if it is a string. Half a surrogate pair has no UTF-8, so it is no text.
fn text(value: &RawValue) -> Option<Zeroizing<String>> {
    serde_json::from_str(value.get()).ok().map(Zeroizing::new)
}

enum Field {
    Name,
    Password,
    Other,
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Field, D::Error> {
        // As bytes, because JSON allows half a surrogate pair in a name that is not looked at.
        deserializer.deserialize_bytes(FieldVisitor)
    }
}

struct FieldVisitor;

impl Visitor<'_> for FieldVisitor {
    type Value = Field;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_bytes<E: Error>(self, name: &[u8]) -> Result<Field, E> {
        Ok(match name {
            b"username" => Field::Name,
            b"passwd" => Field::Password,
            _ => Field::Other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name and password; `None` for no password that could be right.
    fn read(object: &str) -> Option<(String, Option<String>)> {
        let found = credentials(object.as_bytes())?;
        Some((found.name().to_owned(), found.password().map(str::to_owned)))
    }

    fn login(name: &str, password: &str) -> Option<(String, Option<String>)> {
        Some((name.into(), Some(password.into())))
    }

    #[test]
    fn both_fields_are_found_in_any_form() {
        assert_eq!(read(r#"{"username":"a","passwd":"b"}"#), login("a", "b"));
        assert_eq!(read(r#"{"passwd":"","username":""}"#), login("", ""));
        assert_eq!(
            read(r#"{ "username" : "\u65ed\u54e5", "passwd" : "\"\\\n\ud83d\ude00" }"#),
            login("旭哥", "\"\\\n😀")
        );
        assert_eq!(read(r#"{"user\u006eame":"旭哥","passwd":"b","x":[{}]}"#), login("旭哥", "b"));
        assert_eq!(
            read(r#"{"username":1,"username":"a","passwd":"b","passwd":"c"}"#),
            login("a", "c")
        );
    }

    #[test]
    fn missing_and_mistyped_fields_are_no_password_that_could_be_right() {
        for object in [
            "{}",
            r#"{"username":"a"}"#,
            r#"{"username":"a","passwd":null}"#,
            r#"{"username":"a","passwd":1e999}"#,
            r#"{"username":"a","passwd":["b"]}"#,
            r#"{"username":"a","passwd":{"b":"c"}}"#,
            r#"{"username":"a","passwd":"\ud800"}"#,
            r#"{"username":["a"],"passwd":"b"}"#,
            r#"{"username":"\udc00","passwd":"b"}"#,
            r#"{"\ud800":0,"passwd":"b"}"#,
        ] {
            assert!(matches!(read(object), Some((_, None))), "{object}");
        }
        let long = |len: usize| format!(r#"{{"username":"a","passwd":"{}"}}"#, "x".repeat(len));
        assert!(read(&long(1024)).unwrap().1.is_some());
        assert_eq!(read(&long(1025)), Some(("a".into(), None)));
    }

    #[test]
    fn what_is_no_json_is_no_login() {
        for bad in
            ["{]", "{a}", "{'a':1}", "{\"a\":1,}", "{\"a\" 1}", "{\"a\":\"\n\"}", "{\"a\":nan}"]
        {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert!(credentials(b"{\"a\":\"\xff\"}").is_none());
        assert!(credentials(b"{\"username\":\"\xed\xa0\x80\",\"passwd\":\"\"}").is_none());
    }
}
