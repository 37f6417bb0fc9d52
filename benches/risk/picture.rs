//! The picture: for each class of attackers, what is caught against how many people are asked.

use std::fmt::Write as _;

use crate::attackers::Class;
use crate::curves::threshold;
use crate::simulation::Outcome;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 40.0;
const RIGHT: f64 = 180.0;
const BOTTOM: f64 = 60.0;
/// The axis of people who are asked ends here, in per cent.
const MOST: f64 = 12.0;

const COLOURS: [&str; 5] = ["#1b7837", "#2166ac", "#b35806", "#b2182b", "#5e3c99"];

pub(crate) fn svg(outcome: &Outcome) -> String {
    let mut text = String::new();
    let _infallible = draw(&mut text, outcome);
    text
}

fn x(challenged: f64) -> f64 {
    LEFT + challenged / MOST * (WIDTH - LEFT - RIGHT)
}

fn y(caught: f64) -> f64 {
    TOP + (100.0 - caught) / 100.0 * (HEIGHT - TOP - BOTTOM)
}

fn draw(text: &mut String, outcome: &Outcome) -> std::fmt::Result {
    writeln!(
        text,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12" role="img" aria-labelledby="title">"#
    )?;
    writeln!(
        text,
        r#"<title id="title">Attacks that are caught against genuine sign-ins that are challenged, simulated</title>"#
    )?;
    writeln!(text, r##"<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>"##)?;
    axes(text)?;
    for (class, colour) in Class::ALL.into_iter().zip(COLOURS) {
        let mut points = String::new();
        for step in 0..=120_u32 {
            let budget = f64::from(step) / 10.0;
            let (asked, caught) = outcome.at(threshold(outcome, budget / 100.0), class);
            write!(points, "{:.1},{:.1} ", x((asked * 100.0).min(MOST)), y(caught * 100.0))?;
        }
        writeln!(
            text,
            r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="2"/>"#,
            points.trim_end()
        )?;
        let (asked, caught) = (outcome.challenged() * 100.0, outcome.caught(class) * 100.0);
        writeln!(
            text,
            r#"<circle cx="{:.1}" cy="{:.1}" r="4" fill="{colour}"/>"#,
            x(asked.min(MOST)),
            y(caught)
        )?;
    }
    legend(text)?;
    writeln!(text, "</svg>")
}

fn axes(text: &mut String) -> std::fmt::Result {
    for percent in [0, 25, 50, 75, 100] {
        let at = y(f64::from(percent));
        writeln!(text, r##"<path d="M{LEFT} {at:.1}H{:.1}" stroke="#ddd"/>"##, WIDTH - RIGHT)?;
        writeln!(
            text,
            r#"<text x="{:.1}" y="{:.1}" text-anchor="end">{percent} %</text>"#,
            LEFT - 8.0,
            at + 4.0
        )?;
    }
    for percent in (0..=12).step_by(2) {
        let at = x(f64::from(percent));
        writeln!(
            text,
            r#"<text x="{at:.1}" y="{:.1}" text-anchor="middle">{percent} %</text>"#,
            HEIGHT - BOTTOM + 18.0
        )?;
    }
    let limit = x(5.0);
    writeln!(
        text,
        r##"<path d="M{limit:.1} {TOP}V{:.1}" stroke="#888" stroke-dasharray="4 4"/>"##,
        HEIGHT - BOTTOM
    )?;
    writeln!(
        text,
        r#"<text x="{:.1}" y="{:.1}" text-anchor="middle">genuine sign-ins challenged</text>"#,
        (LEFT + WIDTH - RIGHT) / 2.0,
        HEIGHT - 18.0
    )?;
    writeln!(text, r#"<text x="{LEFT}" y="24">attacks caught (dots: the default policy)</text>"#)
}

fn legend(text: &mut String) -> std::fmt::Result {
    let mut at = TOP + 10.0;
    for (class, colour) in Class::ALL.into_iter().zip(COLOURS) {
        let from = WIDTH - RIGHT + 16.0;
        writeln!(text, r#"<path d="M{from} {:.1}h20" stroke="{colour}" stroke-width="3"/>"#, at - 4.0)?;
        writeln!(text, r#"<text x="{:.1}" y="{at:.1}">{}</text>"#, from + 28.0, class.name())?;
        at += 20.0;
    }
    Ok(())
}
