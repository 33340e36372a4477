//! Machines that may be one, and are not shown to be.

use std::collections::BTreeMap;

use super::gather::Fleet;

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
    let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, machine) in fleet.machines.iter().enumerate() {
        let mut names: Vec<String> = machine.names.iter().map(|it| it.to_lowercase()).collect();
        names.sort();
        names.dedup();
        for name in names {
            by_name.entry(name).or_default().push(index);
        }
    }
    by_name
        .into_iter()
        .filter(|(_, machines)| machines.len() > 1)
        .map(|(name, machines)| Alike { name, machines })
        .collect()
}
