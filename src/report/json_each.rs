//! Lists of the JSON report whose items are made one by one while they are
//! written: the fields of a hundred thousand attempts take more memory than all
//! that is known of them.

use serde::{Serialize, Serializer};

use crate::pipeline::Explained;

/// What makes the items of a list, in order.
pub(super) type Items<'a, T> = Box<dyn Iterator<Item = T> + 'a>;

/// A list that is made each time it is written.
#[derive(Debug)]
pub(super) struct Each<'a, T> {
    explained: &'a Explained,
    items: fn(&'a Explained) -> Items<'a, T>,
}

impl<'a, T> Each<'a, T> {
    pub(super) fn of(explained: &'a Explained, items: fn(&'a Explained) -> Items<'a, T>) -> Self {
        Each { explained, items }
    }
}

impl<T: Serialize> Serialize for Each<'_, T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq((self.items)(self.explained))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::report::sample;

    #[test]
    fn a_list_made_while_it_is_written_reads_like_one_made_before() {
        let explained = sample::empty();
        let each: Each<'_, u8> = Each::of(&explained, |_| Box::new([1, 2].into_iter()));
        assert_eq!(serde_json::to_string(&each).unwrap(), "[1,2]");
        let none: Each<'_, u8> = Each::of(&explained, |_| Box::new([].into_iter()));
        assert_eq!(
            serde_json::to_string_pretty(&none).unwrap(),
            "[]",
            "as an empty list is written"
        );
    }
}
