//! The whole program stays below one ceiling, whatever it is given.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::capture_writer::Capture;
use crate::{add_good, good_certificate, http};

/// Resident memory of the whole run. Bodies that are kept may take 512 MiB,
/// an inflated zip in a zip as much.
const CEILING: u64 = 1 << 30;

/// The most memory a process had, in bytes, from Linux's own account.
fn peak(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kilobytes << 10)
}

/// A capture of bodies, each a good list with a tail of its own, unasked of by
/// number: what is kept of them must end somewhere.
fn bodies(count: usize) -> Capture {
    let mut capture = Capture::new();
    for number in 0..count {
        let mut body = crate::good_crl();
        body.extend(number.to_le_bytes());
        body.resize(2 << 20, 0x5A);
        let request = format!("GET /{number}.crl HTTP/1.1\r\nHost: crl.example\r\n\r\n");
        capture.exchange(request, http("", &body));
    }
    add_good(&mut capture);
    capture
}

#[test]
fn one_gibibyte_is_enough_for_any_of_them_together() {
    if cfg!(not(target_os = "linux")) {
        println!("skipped: reads Linux's account of a process");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    put("good.der", &good_certificate());
    put("bodies.pcap", bodies(crate::scaled(1_000, 150)).bytes());
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer
        .write_all(&crate::containers::zeros(200 << 20))
        .unwrap();
    put("zeros.pcap.gz", &packer.finish().unwrap());
    put("deep.der", &[0x30, 0x80].repeat(1 << 20));
    let begin = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_whychain"))
        .args(["explain", "--format", "json", "-q"])
        .arg(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut report = String::new();
        stdout.read_to_string(&mut report).map(|_| report)
    });
    let mut most = 0;
    let status = loop {
        most = most.max(peak(child.id()).unwrap_or_default());
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(
            begin.elapsed() < Duration::from_secs(300),
            "it does not end"
        );
        std::thread::sleep(Duration::from_millis(5));
    };
    let report = reader.join().unwrap().unwrap();
    println!("peak {} MiB in {:?}", most >> 20, begin.elapsed());
    assert!(matches!(status.code(), Some(0 | 1 | 3)), "{status}");
    assert!(report.contains("/good.crl"), "the good download is lost");
    // The bodies of the full size are more than all conversations may hold.
    let is_full = crate::scaled(1, 0) == 1;
    assert_eq!(report.contains("open conversations took 512 MiB"), is_full);
    assert!(most > 1 << 20 && most < CEILING, "{} MiB", most >> 20);
}
