//! The report as JUnit's XML, which CI systems read: a suite for each level, a case for each check.

use std::io::{self, Write};

use quick_xml::Writer;
use quick_xml::events::BytesText;

use super::catalogue::{LEVEL_NAMES, LEVELS};
use super::report::{FAILED, Outcome, Report, SKIPPED, Verdict};

impl Report {
    /// JUnit's XML: a suite for each level, a case for each check.
    pub fn write_junit(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut writer = Writer::new_with_indent(&mut *out, b' ', 2);
        let (tests, failed, skipped) = (self.outcomes.len(), self.failed(), self.skipped());
        writer
            .create_element("testsuites")
            .with_attributes(counts(tests, failed, skipped).iter().map(pair))
            .write_inner_content(|writer| {
                (1..=LEVELS).try_for_each(|level| self.write_suite(level, writer))
            })?;
        writeln!(out)
    }

    fn write_suite<W: Write>(&self, level: u8, writer: &mut Writer<W>) -> io::Result<()> {
        let outcomes: Vec<_> =
            self.outcomes.iter().filter(|outcome| outcome.check.level == level).collect();
        let count = |word| outcomes.iter().filter(|outcome| outcome.word() == word).count();
        let name = format!("level {level}: {}", LEVEL_NAMES[usize::from(level) - 1]);
        writer
            .create_element("testsuite")
            .with_attribute(("name", name.as_str()))
            .with_attributes(counts(outcomes.len(), count(FAILED), count(SKIPPED)).iter().map(pair))
            .write_inner_content(|writer| {
                outcomes.iter().try_for_each(|outcome| outcome.write_case(writer))
            })?;
        Ok(())
    }
}

fn counts(tests: usize, failed: usize, skipped: usize) -> [(&'static str, String); 3] {
    [
        ("tests", tests.to_string()),
        ("failures", failed.to_string()),
        ("skipped", skipped.to_string()),
    ]
}

fn pair<'a>((name, value): &'a (&'static str, String)) -> (&'a str, &'a str) {
    (name, value)
}

impl Outcome {
    fn write_case<W: Write>(&self, writer: &mut Writer<W>) -> io::Result<()> {
        let suite = format!("sockmodes.level{}", self.check.level);
        let case = writer
            .create_element("testcase")
            .with_attributes([("classname", suite.as_str()), ("name", self.check.name)]);
        match &self.verdict {
            Verdict::Passed => case.write_empty()?,
            Verdict::Skipped(why) => case.write_inner_content(|writer| {
                let skipped = writer.create_element("skipped");
                skipped.with_attribute(("message", why.as_str())).write_empty().map(drop)
            })?,
            Verdict::Failed(failure) => case.write_inner_content(|writer| {
                let (message, told) = (failure.summary(), failure.told(self.check));
                let failure = writer.create_element("failure");
                failure
                    .with_attribute(("message", message.as_str()))
                    .write_text_content(BytesText::new(&told))
                    .map(drop)
            })?,
        };
        Ok(())
    }
}
