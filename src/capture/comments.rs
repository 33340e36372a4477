//! What people and programs wrote into a capture file beside its frames.

use pcap_parser::PcapNGOption;

use crate::time::Timestamp;

/// A comment (`opt_comment`) of a section or of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// The frame, as Wireshark counts them; `None` for one about the file.
    pub packet: Option<u64>,
    /// The time of the frame.
    pub at: Option<Timestamp>,
    /// The text, control characters left out, at most `MAX_COMMENT_CHARS`.
    pub text: String,
}

/// The comments of one file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comments {
    /// Those that somebody wrote, in order; the first `MAX_COMMENTS`.
    pub written: Vec<Comment>,
    /// Comments beyond the limit.
    pub left_out: u64,
    /// Frames with the number of a process, as `etl2pcapng` writes them, in
    /// order; the first `MAX_PROCESSES`.
    pub processes: Vec<(u64, u32)>,
}

/// Comments kept of a file: people write tens.
pub const MAX_COMMENTS: usize = 1_000;

/// Characters kept of a comment.
pub const MAX_COMMENT_CHARS: usize = 500;

/// Frames whose process number is kept, 16 bytes each: `etl2pcapng` writes one
/// on every frame.
pub const MAX_PROCESSES: usize = 500_000;

/// Spec: draft-ietf-opsawg-pcapng §3.5, `opt_comment`.
const OPT_COMMENT: u16 = 1;

impl Comments {
    /// Takes the comments among the options of a block.
    pub(super) fn take(
        &mut self,
        options: &[PcapNGOption<'_>],
        packet: Option<u64>,
        at: Option<Timestamp>,
    ) {
        for option in options.iter().filter(|it| it.code.0 == OPT_COMMENT) {
            let bytes = option.as_bytes().unwrap_or_default();
            let text = String::from_utf8_lossy(bytes);
            if let (Some(packet), Some(process)) = (packet, process(&text)) {
                if self.processes.len() < MAX_PROCESSES {
                    self.processes.push((packet, process));
                }
                continue;
            }
            let spaced = text.chars().map(|c| if c.is_control() { ' ' } else { c });
            let spaced: String = spaced.take(4 * MAX_COMMENT_CHARS).collect();
            let words: Vec<&str> = spaced.split_whitespace().collect();
            let text: String = words.join(" ").chars().take(MAX_COMMENT_CHARS).collect();
            if text.is_empty() {
                continue;
            }
            match self.written.len() < MAX_COMMENTS {
                true => self.written.push(Comment { packet, at, text }),
                false => self.left_out += 1,
            }
        }
    }
}

/// Reads `PID=1234`, alone or with more behind it, as `etl2pcapng` writes it on
/// each frame: the process that was running when the frame passed, which for
/// frames that arrive is any.
fn process(text: &str) -> Option<u32> {
    let rest = text.trim_start().strip_prefix("PID=")?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_number_is_told_from_a_comment() {
        assert_eq!(process("PID=4312"), Some(4312));
        assert_eq!(process("PID=4312 ProcessName=svchost.exe"), Some(4312));
        assert_eq!(process("PID= unknown"), None);
        assert_eq!(process("the proxy refuses here, PID=1"), None);
    }
}
