//! Things that turn out to be one, each by a number.

/// For each thing one that it is the same as, until the least of them.
#[derive(Debug)]
pub(super) struct Forest(Vec<u32>);

impl Forest {
    /// So many things, each by itself.
    pub(super) fn of(things: usize) -> Self {
        Forest((0..).take(things).collect())
    }

    /// These two are one.
    pub(super) fn join(&mut self, one: u32, other: u32) {
        let (one, other) = (self.root(one), self.root(other));
        if let Some(parent) = self.0.get_mut(one.max(other) as usize) {
            *parent = one.min(other);
        }
    }

    /// The least of those that are one with it. The way there is halved each
    /// time it is gone.
    pub(super) fn root(&mut self, mut number: u32) -> u32 {
        loop {
            let parent = self.parent(number);
            if parent == number {
                return number;
            }
            let above = self.parent(parent);
            if let Some(slot) = self.0.get_mut(number as usize) {
                *slot = above;
            }
            number = above;
        }
    }

    fn parent(&self, number: u32) -> u32 {
        self.0.get(number as usize).copied().unwrap_or(number)
    }

    /// For each thing the least of those that are one with it.
    pub(super) fn roots(mut self) -> Vec<u32> {
        let things = self.0.len();
        (0..).take(things).map(|number| self.root(number)).collect()
    }
}
