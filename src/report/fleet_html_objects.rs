//! Versions on the fleet's page: how each spread, and who holds what.

use maud::{Markup, html};

use super::fleet_html::{FleetPage, number};
use super::fleet_picture::draw;
use super::html::breakable;
use crate::fleet::{Object, Spread, Way};

/// Objects of which there are several versions, those of most machines first.
fn changing<'a>(page: &'a FleetPage<'_>) -> Vec<&'a Object> {
    let objects = page.answer.objects.iter();
    let mut objects: Vec<&Object> = objects.filter(|it| it.versions.len() > 1).collect();
    objects.sort_by_key(|it| std::cmp::Reverse(it.machines));
    objects
}

/// A picture and a table for each object that changed.
pub(super) fn spread(page: &FleetPage<'_>) -> Option<Markup> {
    let objects = changing(page);
    (!objects.is_empty()).then(|| {
        html! {
            @for (at, object) in objects.iter().take(MAX_DRAWN).enumerate() {
                details class="part" open[at < OPEN] {
                    summary {
                        (breakable(page.look, &page.shown(&object.object))) ": "
                        (number(object.versions.len())) " versions on " (number(object.machines)) " machines"
                    }
                    (draw(page, object, at))
                    (versions(page, object))
                }
            }
            @if objects.len() > MAX_DRAWN { p class="note" { (number(objects.len() - MAX_DRAWN)) " more objects with several versions in the JSON report." } }
            p class="note" {
                "A cache shows by when a version had come, which may be long after it came. Times of machines whose clock is "
                "known to be wrong are set right where the difference is known, and left out where it is not."
            }
        }
    })
}

fn versions(page: &FleetPage<'_>, object: &Object) -> Markup {
    html! {
        div class="scroll" { table {
            thead { tr {
                th scope="col" { "Version" } th scope="col" { "Issued" }
                th scope="col" class="number" { "Hold it" } th scope="col" class="number" { "Had it" }
                th scope="col" { "First seen" } th scope="col" { "Last seen" } th scope="col" { "How it spread" }
            } }
            tbody {
                @for version in object.versions.iter().rev().take(MAX_VERSIONS) {
                    tr {
                        th scope="row" {
                            @if let Some(sequence) = &version.version.sequence { (page.shown(sequence)) br; }
                            code class="hash" title=(version.sha256) { (short(&version.sha256)) }
                        }
                        td class="time" { (version.version.issued.map(|at| page.time(at)).unwrap_or_default()) }
                        td class="number" { (number(version.machines_now)) }
                        td class="number" { (number(version.machines_ever)) }
                        td {
                            @if let Some((at, machine)) = version.first { (page.time(at)) br; (page.machine(machine)) }
                            @if version.misdated > 0 { br; span class="soft" { (number(version.misdated)) " with an impossible time" } }
                        }
                        td class="time" { (version.last.map(|at| page.time(at)).unwrap_or_default()) }
                        td class="few" { (ways(page, version)) }
                    }
                }
            }
        } }
        @if object.versions.len() > MAX_VERSIONS { p class="note" { (number(object.versions.len() - MAX_VERSIONS)) " older versions in the JSON report." } }
    }
}

/// The ways it came, in the order in which it first came by them.
fn ways(page: &FleetPage<'_>, version: &Spread) -> Markup {
    let name = |way: &Way| match (&way.proxy, &*way.way) {
        (Some(proxy), _) => page.shown(proxy),
        (None, "proxy") => "a proxy that is not named".to_owned(),
        (None, "direct") => "directly".to_owned(),
        _ => "not seen how".to_owned(),
    };
    html! {
        @for way in version.ways.iter().take(MAX_WAYS) {
            p {
                (breakable(page.look, &name(way))) ": " (number(way.machines))
                @if let Some((at, _)) = way.first { span class="soft" { ", from " (page.time(at)) } }
            }
        }
        @if version.ways.len() > MAX_WAYS { p class="soft" { (number(version.ways.len() - MAX_WAYS)) " more" } }
        @if version.earliest.len() > 1 {
            p class="soft" {
                "First: "
                @let first: Vec<usize> = version.earliest.iter().map(|it| it.1).collect();
                (page.machines(first.get(..MAX_FIRST).unwrap_or(&first), MAX_FIRST))
            }
        }
    }
}

/// A row for every object.
pub(super) fn held(page: &FleetPage<'_>) -> Option<Markup> {
    let mut objects: Vec<&Object> = page.answer.objects.iter().collect();
    objects.sort_by_key(|it| std::cmp::Reverse(it.machines));
    (!objects.is_empty()).then(|| {
        html! {
            div class="scroll" { table {
                thead { tr {
                    th scope="col" { "Object" } th scope="col" class="number" { "Machines" }
                    th scope="col" class="number" { "Versions" } th scope="col" { "Newest version here" }
                    th scope="col" class="number" { "hold it" }
                } }
                tbody {
                    @for object in objects.iter().take(MAX_OBJECTS) {
                        tr {
                            th scope="row" class="break" { (breakable(page.look, &page.shown(&object.object))) }
                            td class="number" { (number(object.machines)) }
                            td class="number" { (number(object.versions.len())) }
                            @if let Some(newest) = object.versions.last() {
                                td {
                                    (newest.version.issued.map(|at| page.time(at)).unwrap_or_default())
                                    @if let Some(sequence) = &newest.version.sequence { br; span class="soft" { (page.shown(sequence)) } }
                                }
                                td class="number" { (number(newest.machines_now)) }
                            }
                        }
                    }
                }
            } }
            @if objects.len() > MAX_OBJECTS { p class="note" { (number(objects.len() - MAX_OBJECTS)) " more objects in the JSON report." } }
        }
    })
}

/// The begin of a hash; the whole stands in its title.
pub(super) fn short(sha256: &str) -> String {
    sha256.chars().take(12).collect()
}

/// Objects with a picture.
const MAX_DRAWN: usize = 24;
/// Pictures that stand open.
const OPEN: usize = 2;
/// Versions of one object.
const MAX_VERSIONS: usize = 12;
/// Ways of one version.
const MAX_WAYS: usize = 5;
/// First machines of one version.
const MAX_FIRST: usize = 5;
/// Rows of objects.
const MAX_OBJECTS: usize = 200;
