//! Tests of the page as a whole; what a browser makes of it is in
//! `tests/browser.rs`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::report::html_frame::source;
use crate::report::sample;

fn page(explained: &Explained) -> String {
    write(explained, &Look::default())
}

#[test]
fn nothing_is_loaded_from_elsewhere() {
    let page = page(&sample::explained());
    for outside in ["src=", "url(", "@import", "<link", "<iframe", "<img"] {
        assert!(!page.contains(outside), "{outside}");
    }
    // Links lead to places of the page itself; URLs are text.
    for href in page.split("href=\"").skip(1) {
        assert!(href.starts_with('#'), "{}", &href[..40.min(href.len())]);
    }
}

#[test]
fn every_link_has_its_place() {
    let page = page(&sample::explained());
    for link in page.split("href=\"#").skip(1) {
        let id = link.split('"').next().unwrap();
        assert!(page.contains(&format!("id=\"{id}\"")), "{id}");
    }
}

#[test]
fn the_policy_allows_exactly_the_style_and_script_that_are_there() {
    let page = page(&sample::empty());
    let of = |tag: &str| {
        let after = page.split(&format!("<{tag}>")).nth(1).unwrap();
        after.split(&format!("</{tag}>")).next().unwrap().to_owned()
    };
    assert!(page.contains(&source(&of("style"))));
    assert!(page.contains(&source(&of("script"))));
    assert!(!page.contains("unsafe-inline"));
    assert!(!page.contains(" style=\""));
}

#[test]
fn what_evidence_says_stays_text() {
    let mut explained = sample::hostile();
    let bad = "</title></script><script>alert(1)</script>\" onload=\"x";
    for retrieval in &mut explained.case.retrievals {
        retrieval.url = Some(format!("http://{bad}"));
        retrieval.host = Some(bad.to_owned());
        retrieval.detail = Some(bad.to_owned());
    }
    explained.diagnosis.verdict.sentence = bad.to_owned();
    explained.case.evidence[0].path = bad.to_owned();
    let page = page(&explained);
    assert_eq!(page.matches("<script>").count(), 1);
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(!page.contains("onload=\"x"));
    let hostile = page
        .chars()
        .find(|it| *it != '\n' && crate::words::is_hostile(*it));
    assert_eq!(hostile, None);
}

#[test]
fn the_answer_comes_first_and_an_empty_case_has_a_page() {
    let page = page(&sample::explained());
    let place = |id: &str| page.find(&format!("<section id=\"{id}\"")).unwrap();
    let order = [
        "answer",
        "do",
        "happened",
        "chain",
        "time",
        "accounts",
        "why",
        "ruled-out",
        "unknown",
        "failures",
        "timeline",
        "evidence",
        "method",
    ];
    assert!(order.map(place).is_sorted(), "{:?}", order.map(place));
    let empty = super::write(&sample::empty(), &Look::default());
    assert!(empty.contains("No validation seen"));
}

#[test]
fn the_zone_is_applied() {
    let look = Look {
        zone: crate::report::Zone::from_text("+02:00").unwrap(),
        ..Look::default()
    };
    let page = write(&sample::explained(), &look);
    assert!(page.contains("10:59:10.123"));
    assert!(page.contains("UTC+02:00"));
}

#[test]
fn of_fifty_thousand_events_every_one_is_in_the_page() {
    const EVENTS: usize = 50_000;
    let mut explained = sample::explained();
    let event = explained.timeline[0].clone();
    explained.timeline = (0..EVENTS)
        .map(|number| crate::timeline::Event {
            text: format!("event {number}."),
            ..event.clone()
        })
        .collect();
    let page = page(&explained);
    let there = |number: usize| page.contains(&format!("event {number}."));
    assert!((0..EVENTS).step_by(997).all(there));
    assert!(page.matches("<tr").count() > EVENTS);
    // All but the first parts are folded, so that a browser lays out little.
    assert!(page.matches("<details class=\"part\">").count() >= EVENTS / 500);
}
