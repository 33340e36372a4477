//! What the pictures of the page show, as text: the steps, the validity of
//! each object against the incident, what each account did.

use super::axis::{self, Axis, Band};
use super::cells::{self, Times};
use super::cite::Names;
use super::grid::{self, Cell};
use super::look::Ink;
use super::page::Page;
use super::scale::Scale;
use super::sequence::{Lane, Mood, Sequence, Step, sequence};
use super::table::{Column, table};
use super::tables::{machine_heading, notes};
use crate::account::Account;
use crate::phrase;
use crate::pipeline::Explained;
use crate::words;

/// The steps of the leading incident, or of the case where nothing failed.
pub(super) fn happened(page: &mut Page<'_>, explained: &Explained, names: &Names<'_>) {
    const COLUMNS: &[Column] = &[
        Column::new("", 1),
        Column::new("Time", 12),
        Column::new("From, to", 20),
        Column::new("What, result", 26),
        Column::new("Packets", 9).from(120),
    ];
    let incident = explained.diagnosis.incidents.first();
    let Some(story) = sequence(explained, incident, names, page.look) else {
        return;
    };
    page.heading("What happened");
    let look = page.look;
    let times = Times::of(look, story.steps.iter().map(|step| step.at));
    let row = |step: &Step| {
        let mark = match step.mood {
            Mood::Good => "",
            Mood::Bad => "!",
            Mood::Unsure => "?",
        };
        vec![
            mark.to_owned(),
            times.cell(look, step.at),
            way(page, &story, step),
            format!("{}\n{}", step.what, step.result),
            step.place.trim_start_matches("packets ").to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = story.steps.iter().map(row).collect();
    table(page, COLUMNS, &rows);
    let mut legend = match story.steps.iter().any(|step| step.mood == Mood::Bad) {
        true => format!("! failed. {}", times.note(look)),
        false => times.note(look),
    };
    if explained.diagnosis.incidents.len() > 1 {
        legend.push_str(" Of the first incident.");
    }
    notes(
        page,
        &legend,
        story.steps.len() + story.left_out,
        story.steps.len(),
    );
}

fn way(page: &Page<'_>, story: &Sequence, step: &Step) -> String {
    let stations = step.way.iter().filter_map(|index| story.lanes.get(*index));
    let stations = stations.map(|(lane, title, below)| match lane {
        Lane::Proxy(_) => format!("proxy {below}"),
        Lane::Cache(..) => title.replacen("Cache", "cache", 1),
        Lane::Client(..) | Lane::Origin(_) => title.clone(),
    });
    let stations: Vec<String> = stations.collect();
    stations.join(&format!("\n{} ", page.look.arrow()))
}

/// The validity of each object against the incident.
pub(super) fn axis(page: &mut Page<'_>, explained: &Explained) {
    let Some(axis) = axis::axis(explained, page.look) else {
        return;
    };
    page.heading("Validity and time");
    let room = page
        .look
        .width
        .min(MAX_WIDTH)
        .saturating_sub(2 + NAME + 2 + 2 + STATE);
    let room = room.max(MIN_BAR);
    let last = i32::try_from(room).unwrap_or(i32::MAX).saturating_sub(1);
    let scale = Scale::of(&axis, 0, last, 0);
    for band in &axis.bands {
        line(page, &axis, &scale, room, band);
    }
    let mark = if page.look.unicode { "│" } else { "|" };
    let at = page.look.second(axis.incident.0);
    let mut legend = format!(
        "{mark} is the incident, {at} {}; distance from it is logarithmic.",
        page.look.zone.name()
    );
    for change in &axis.changes {
        legend.push(' ');
        legend.push_str(change);
    }
    notes(
        page,
        &legend,
        axis.bands.len() + axis.left_out,
        axis.bands.len(),
    );
}

fn line(page: &mut Page<'_>, axis: &Axis, scale: &Scale, room: usize, band: &Band) {
    let look = page.look;
    let place = |at| {
        usize::try_from(scale.x(at))
            .unwrap_or(0)
            .min(room.saturating_sub(1))
    };
    let from = place(band.from);
    let until = band.until.map_or(room.saturating_sub(1), place);
    let incident = place(axis.incident.0);
    let (bar, bound) = if look.unicode {
        ('━', '│')
    } else {
        ('=', '|')
    };
    let drawn = (0..room).map(|column| match column {
        _ if column == incident => bound,
        _ if band.until.is_none() && column + 1 == room => '>',
        _ if (from..=until).contains(&column) => bar,
        _ => ' ',
    });
    let drawn: String = drawn.collect();
    let ink = match band.mood {
        Mood::Good => Ink::Good,
        Mood::Bad => Ink::Bad,
        Mood::Unsure => Ink::Unsure,
    };
    let name = look.shown(&format!("{}, {}", band.name, band.kind), NAME * 4);
    let names = words::wrap(&name, NAME);
    let states = words::wrap(&band.state, STATE);
    for index in 0..names.len().max(states.len()) {
        let name = names.get(index).map_or("", String::as_str);
        let pad = " ".repeat(NAME.saturating_sub(words::columns(name)));
        let drawn = match index {
            0 => look.ink(ink, &drawn),
            _ => " ".repeat(room),
        };
        let state = states.get(index).map_or("", String::as_str);
        page.push(&format!("  {name}{pad}  {drawn}  {state}"));
    }
}

/// What each account did about each object somebody tried to get.
pub(super) fn accounts(page: &mut Page<'_>, explained: &Explained) {
    let case = &explained.case;
    let grids = grid::grids(case);
    // With a single account and no cache there is nothing to compare.
    let telling = grids
        .iter()
        .filter(|(_, grid)| grid.accounts.len() > 1 && grid.objects.values().any(grid::tried));
    let telling: Vec<_> = telling.collect();
    if telling.is_empty() {
        return;
    }
    page.heading("Account by account");
    let several = telling.len() > 1;
    for (machine, grid) in telling.iter().take(MAX_MACHINES) {
        if several {
            page.blank();
            let name = machine_heading(case, **machine);
            page.paragraph(1, &format!("{}:", page.look.shown(&name, MAX_TEXT)));
        }
        let rows = grid.rows();
        let rows = rows.iter().filter(|(_, cells)| grid::tried(cells));
        for (object, cells) in rows.take(MAX_OBJECTS) {
            page.paragraph(2, &page.look.shown(object, MAX_TEXT));
            for account in grid.columns() {
                one_account(page, account, cells.get(&account));
            }
        }
    }
    let rest = telling.len().saturating_sub(MAX_MACHINES);
    if rest > 0 {
        page.paragraph(2, &format!("{rest} more machines in the JSON report."));
    }
}

fn one_account(page: &mut Page<'_>, account: Option<&Account>, cell: Option<&Cell<'_>>) {
    let look = page.look;
    let empty = Cell::default();
    let cell = cell.unwrap_or(&empty);
    let mut parts: Vec<String> = Vec::new();
    for (_, retrieval) in cell.attempts.iter().take(MAX_ATTEMPTS) {
        let way = look.shown(&phrase::way(retrieval), MAX_TEXT);
        parts.push(format!("{way}: {}", cells::result(look, retrieval)));
    }
    let more = cell.attempts.len().saturating_sub(MAX_ATTEMPTS) as u64;
    if more > 0 {
        parts.push(words::count(more, "more attempt", "more attempts"));
    }
    match (cell.entry, account) {
        (Some(entry), _) => parts.push(format!("in the cache, {}", grid::held(look, entry))),
        (None, Some(_)) => parts.push("not in the cache".to_owned()),
        (None, None) if parts.is_empty() => return,
        (None, None) => {}
    }
    let failed = cell.attempts.iter().any(|(_, it)| it.outcome.is_failure());
    let name = account.map_or_else(|| "account not known".to_owned(), ToString::to_string);
    let name = look.shown(&name, ACCOUNT);
    let mark = if failed { "!" } else { " " };
    page.inked(2, failed.then_some(Ink::Bad), mark, 4, &name);
    page.paragraph(8, &parts.join("\n"));
}

/// Columns of a name beside a bar.
const NAME: usize = 28;
/// Columns of the words beside a bar.
const STATE: usize = 20;
/// Columns that a bar has at least.
const MIN_BAR: usize = 12;
/// A wider picture tells no more.
const MAX_WIDTH: usize = 120;
/// Columns of an account.
const ACCOUNT: usize = 60;
/// Machines told.
const MAX_MACHINES: usize = 10;
/// Objects told of one machine.
const MAX_OBJECTS: usize = 20;
/// Attempts told of one account.
const MAX_ATTEMPTS: usize = 3;
/// Characters of a text.
const MAX_TEXT: usize = 240;
