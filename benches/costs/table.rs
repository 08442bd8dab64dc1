//! Numbers as a table that Markdown understands too.

use super::measure::Row;
use super::peers::Peer;

/// The costs of one server, one number per round.
type Costs = Vec<Option<f64>>;

pub(crate) fn head(peers: &[Peer]) {
    print!("| {:32} | {:14} |", "work", "unit");
    for peer in peers {
        print!(" {:>24} |", peer.name());
    }
    print!("\n| :{} | :{} |", "-".repeat(31), "-".repeat(13));
    println!("{}", format!(" {}: |", "-".repeat(23)).repeat(peers.len()));
}

/// One row: the median, and beside it the ratios to the first server.
pub(crate) fn row(row: &Row, costs: &[Costs]) {
    print!("| {:32} | {:14} |", row.title, row.unit);
    for (at, column) in costs.iter().enumerate() {
        let beside = (at > 0).then_some(&costs[0]);
        print!(" {:>24} |", cell(column, beside).unwrap_or("–".into()));
    }
    println!();
}

fn cell(column: &Costs, first: Option<&Costs>) -> Option<String> {
    let costs: Vec<f64> = column.iter().copied().collect::<Option<_>>()?;
    let number = digits(median(costs.clone()));
    let Some(first) = first else { return Some(number) };
    let first: Vec<f64> = first.iter().copied().collect::<Option<_>>()?;
    let ratios = costs.iter().zip(&first).map(|(cost, first)| cost / first).collect();
    let best = best(&costs) / best(&first);
    Some(format!("{number} ({}, {})", digits(median(ratios)), digits(best)))
}

pub(crate) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

fn best(numbers: &[f64]) -> f64 {
    numbers.iter().copied().fold(f64::INFINITY, f64::min)
}

/// Three digits say what can be known.
fn digits(number: f64) -> String {
    match number {
        ..10.0 => format!("{number:.2}"),
        10.0..100.0 => format!("{number:.1}"),
        _ => format!("{number:.0}"),
    }
}
