//! Machines that may be one, and are not shown to be.

use super::gather::Fleet;
use super::key::Key;

/// Machines with one name that nothing else shows to be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alike {
    /// The name, in lower case.
    pub name: String,
    /// The machines.
    pub machines: Vec<usize>,
}

/// All of them, by name.
pub(super) fn alike(fleet: &Fleet) -> Vec<Alike> {
    // Most names are one machine's: their texts are not gathered.
    let mut all: Vec<(Key, u32)> = Vec::new();
    for (index, machine) in (0_u32..).zip(fleet.machines()) {
        let names = machine.names.iter().map(|it| it.to_lowercase());
        all.extend(names.map(|name| (Key::of(&[&name]), index)));
    }
    all.sort_unstable();
    all.dedup();
    let several = all.chunk_by(|one, other| one.0 == other.0);
    let mut found: Vec<Alike> = Vec::new();
    for group in several.filter(|group| group.len() > 1) {
        let machines: Vec<usize> = group.iter().map(|it| it.1 as usize).collect();
        let first = machines.first().and_then(|index| fleet.machine(*index));
        let names = first.map(|it| it.names).unwrap_or_default();
        let mut names = names.iter().map(|it| it.to_lowercase());
        let name = names.find(|name| group.first().is_some_and(|it| it.0 == Key::of(&[name])));
        found.extend(name.map(|name| Alike { name, machines }));
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found
}
