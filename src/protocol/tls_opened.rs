//! What encrypted records add to a handshake once they are opened.

use crate::flow::Direction;
use crate::protocol::tls_dialogue::{ALERT, APPLICATION_DATA, HANDSHAKE, TlsDialogue};
use crate::protocol::tls_hidden::Opened;
use crate::protocol::tls_inside::Inner;
use crate::protocol::tls_records::Record;
use crate::protocol::transcript::side;
use crate::provenance::Sighting;

impl TlsDialogue {
    /// True when a record that begins is to be gathered and opened. Data of
    /// TLS 1.2 has a type of its own, so that it is passed over where nobody
    /// reads it.
    pub(super) fn is_openable(&self, direction: Direction, record: &Record) -> bool {
        let fits = match record.content_type {
            APPLICATION_DATA => self.is_13() || self.hidden.wants_data,
            HANDSHAKE | ALERT => !self.is_13(),
            _ => false,
        };
        fits && self.hidden.is_ready(side(direction))
    }

    /// Opens the record whose last bytes have come.
    pub(super) fn open(&mut self, direction: Direction, record: &Record, at: Sighting) {
        let is_13 = self.is_13();
        let index = side(direction);
        match self.hidden.open(index, record.content_type, is_13) {
            Opened::Plain(HANDSHAKE, plain, packets) => {
                let messages = &mut self.side(direction).messages;
                messages.push_opened(&plain, &packets, at);
                while let Some(message) = self.side(direction).messages.take() {
                    self.message(direction, message, record.first, at);
                }
            }
            Opened::Plain(ALERT, plain, _) => {
                if let &[level, description] = plain.as_slice() {
                    self.alert(direction, Some((level, description)), at);
                }
            }
            opened @ (Opened::Plain(APPLICATION_DATA, ..) | Opened::Early) => {
                match opened {
                    Opened::Plain(_, plain, _) if self.hidden.wants_data => {
                        self.opened.push_back(Inner::Data(direction, plain, at));
                    }
                    Opened::Early => self.lost_inside(direction),
                    _ => {}
                }
                let handshake = self.handshake(record.first);
                handshake.application_data[index].get_or_insert(record.first);
                handshake.application_bytes[index] += u64::from(record.length);
            }
            Opened::Plain(..) => {}
            Opened::Refused => self.not_opened(direction, record),
        }
    }

    /// Says that data of this sender cannot be read, where other data can.
    pub(super) fn lost_inside(&mut self, direction: Direction) {
        if self.hidden.has_opened() && self.hidden.wants_data {
            self.opened.push_back(Inner::Lost(direction));
        }
    }

    /// What can be said of a record by its header alone.
    pub(super) fn not_opened(&mut self, direction: Direction, record: &Record) {
        match record.content_type {
            ALERT => self.alert(direction, None, record.first),
            APPLICATION_DATA => {
                self.application_data(direction, record);
                self.lost_inside(direction);
            }
            _ => {}
        }
    }
}
