//! What the reports of many machines say together.
//!
//! [`Gathering`] takes one [`Machine`] after the other, as a report or an
//! earlier merge tells of it. [`Gathering::finish`] puts together those that
//! are one, and [`Answer::of`] says what the fleet shows.
//!
//! A machine is a bag of sets, minima and maxima. Two that share an identity
//! ([`Key`]) are joined by uniting them, and everything else is computed from
//! the united machines. So neither order nor grouping of merges can matter.

mod alike;
mod answer;
mod causes;
mod forest;
mod gather;
mod holdings;
mod key;
mod machine;
mod numbered;
mod outliers;
mod pack;
mod spread;

pub use alike::Alike;
pub use answer::{Answer, Lack, States};
pub use causes::{Cause, Count, Fault};
pub use gather::{Example, Fleet, Gathering, Problem};
pub use holdings::Holding;
pub use key::Key;
pub use machine::{Clock, Incident, Machine, Moment, Slot, State, Version, Word};
pub use outliers::Outlier;
pub use spread::{Object, Spread, Way, current};
