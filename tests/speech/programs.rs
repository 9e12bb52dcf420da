//! Programs that misbehave: each is a small script, and nothing of it is left afterwards.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use shared::speech::engine::Failure;
use tempfile::TempDir;
use tests::require;

use super::voice::{Said, all_gone, processes, program, say, script, speak, voice};

/// A second of a square wave as Python writes it: header, then samples.
const WAV: &str = r#"
import sys, struct, os, time, subprocess
out = sys.stdout.buffer
def header(rate=16000, channels=1, bits=16, code=1, size=0x7ffff000, before=b''):
    fmt = struct.pack('<HHIIHH', code, channels, rate, rate * channels * bits // 8, channels * bits // 8, bits)
    return b'RIFF' + struct.pack('<I', 0x7ffff024) + b'WAVE' + before + b'fmt ' + struct.pack('<I', 16) + fmt + b'data' + struct.pack('<I', size)
def wave(count=16000, level=8000):
    return b''.join(struct.pack('<h', level if (i // 40) % 2 else -level) for i in range(count))
"#;

/// A folder with one program in it.
struct Own {
    folder: TempDir,
    path: PathBuf,
    /// How many seconds it sleeps where its text says `NAP`: a number by which its children are known.
    nap: String,
}

impl Own {
    fn shell(body: &str) -> Self {
        Self::written(&format!("#!/bin/sh\n{body}\n"))
    }

    fn python(body: &str) -> Self {
        // Itself, and no script that looks for it.
        static PYTHON: LazyLock<String> = LazyLock::new(|| {
            let found = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().unwrap();
            String::from_utf8(found.stdout).unwrap().trim().to_owned()
        });
        Self::written(&format!("#!{}\n{WAV}\n{body}\n", *PYTHON))
    }

    fn written(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("engine");
        // Written elsewhere and moved: another test's fork may hold it open for a moment.
        let draft = folder.path().join("draft");
        let nap = (u64::from(u32::from_le_bytes(shared::random())) + 1_000_000_000).to_string();
        std::fs::write(&draft, text.replace("NAP", &nap)).unwrap();
        std::fs::set_permissions(&draft, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(Command::new("cp").arg("-p").arg(&draft).arg(&path).status().unwrap().success());
        Self { folder, path, nap }
    }

    fn marker(&self) -> String {
        self.folder.path().display().to_string()
    }

    async fn gone(&self) {
        all_gone(&[&self.marker(), &self.nap]).await;
    }

    /// What comes of one phrase; afterwards nothing is left.
    async fn speak(&self, more: &str) -> Result<Said, Failure> {
        let said = speak(&program(&self.path, more), &voice("own", "amy", "en"), vec![say("Hello, world")]).await;
        self.gone().await;
        said
    }

    async fn fails(&self, more: &str) -> String {
        match self.speak(more).await {
            Err(failure) => {
                assert!(!failure.reason.contains(&self.marker()) && !failure.reason.contains("Hello"), "{failure}");
                failure.reason
            }
            Ok(said) => panic!("it spoke for {} s", said.seconds()),
        }
    }
}

#[tokio::test]
async fn a_program_that_ends_badly_is_a_failure() {
    let own = Own::shell("cat >/dev/null; echo 'broken: /secret/path' >&2; exit 3");
    let engines = program(&own.path, "");
    let failure = speak(&engines, &voice("own", "amy", "en"), vec![say("x")]).await.err().unwrap();
    assert_eq!((&*failure.reason, failure.passing), ("own ended with status 3", true));
    assert!(failure.source.unwrap().to_string().contains("broken: /secret/path"), "for the log");
    assert_eq!(Own::shell("kill -SEGV $$").fails("").await, "own was ended by signal 11");
    assert_eq!(Own::shell("exit 0").fails("").await, "own wrote nothing");
    assert_eq!(Own::shell("echo This is no sound at all").fails("").await, "own wrote something else than WAV");
    assert_eq!(Own::shell("echo Usage: x; exit 1").fails("").await, "own ended with status 1");
    let forbidden = Own::shell("exit 0");
    std::fs::set_permissions(&forbidden.path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(forbidden.fails("").await, "own may not be run");
    std::fs::remove_file(&forbidden.path).unwrap();
    assert_eq!(forbidden.fails("").await, "own is not installed");
}

#[tokio::test]
async fn a_program_that_makes_no_sound_is_a_failure() {
    if require::tool("python3").is_none() {
        return;
    }
    let python = |body: &str| Own::python(body);
    assert_eq!(python("out.write(header())").fails("").await, "own made no sound");
    assert_eq!(python("out.write(header()[:20])").fails("").await, "own broke off in the middle of its sound");
    assert_eq!(python("out.write(header(size=0))").fails("").await, "own made no sound");
    assert_eq!(python("out.write(header() + bytes(50000))").fails("").await, "own made no sound");
    assert_eq!(
        python("out.write(header(size=32000) + wave(100))").fails("").await,
        "own broke off in the middle of its sound"
    );
    let rate = "own wrote sound of a rate that is not from 8 to 48 kHz";
    assert_eq!(python("out.write(header(rate=4000) + wave())").fails("").await, rate);
    assert_eq!(python("out.write(header(rate=96000) + wave())").fails("").await, rate);
    let format = "own wrote WAV of a format that is not known here";
    assert_eq!(python("out.write(header(code=7, bits=8) + wave())").fails("").await, format);
    assert_eq!(python("out.write(header(channels=6) + wave())").fails("").await, format);
}

#[tokio::test]
async fn a_program_that_hangs_is_killed_with_all_it_started() {
    let started = Instant::now();
    let limit = "time_limit = 1";
    let late = "own took longer than 1 s";
    assert_eq!(Own::shell("cat >/dev/null; sleep NAP & sleep NAP; :").fails(limit).await, late);
    assert_eq!(Own::shell("exec sleep NAP").fails(limit).await, late, "ignores its input");
    assert_eq!(Own::shell("trap '' TERM INT HUP; while :; do sleep 1; done").fails(limit).await, late);
    assert_eq!(Own::shell("exec 1>&-; exec sleep NAP").fails(limit).await, late, "closes its output and lives on");
    assert!(started.elapsed() < Duration::from_secs(30));
    assert_eq!(Own::shell("exec 1>&-; exec sleep NAP").fails("").await, "own does not end");
    let endless = Own::shell("exec cat /dev/zero").fails("").await;
    assert_eq!(endless, "own made more sound than a phrase can have", "64 MiB are enough");
    let complaining = Own::shell("while :; do echo no; done >&2").fails(limit).await;
    assert_eq!(complaining, late);
}

#[tokio::test]
async fn endless_sound_is_cut() {
    if require::tool("python3").is_none() {
        return;
    }
    let own = Own::python("out.write(header())\nwhile True: out.write(wave())");
    let said = own.fails("time_limit = 60").await;
    assert_eq!(said, "own made more sound than a phrase can have");
}

#[tokio::test]
async fn what_a_program_started_does_not_keep_anybody_waiting() {
    if require::tool("python3").is_none() {
        return;
    }
    let started = Instant::now();
    let own = Own::python("out.write(header() + wave()); out.flush()\nsubprocess.Popen(['sleep', 'NAP'])");
    assert!((own.speak("").await.unwrap().seconds() - 1.0).abs() < 0.01, "its child is killed with its group");
    assert!(started.elapsed() < Duration::from_secs(10));
    // One that has left the group cannot be killed by it, and must not be waited for either.
    let own = Own::python(
        "out.write(header() + wave()); out.flush()\nsubprocess.Popen(['sleep', '3'], start_new_session=True)",
    );
    assert_eq!(own.fails("").await, "own left its output open");
}

#[tokio::test]
async fn every_wav_that_is_usual_is_read() {
    if require::tool("python3").is_none() {
        return;
    }
    let cases = [
        "out.write(header() + wave())",
        "out.write(header(size=0xffffffff) + wave())",
        "out.write(header(size=0) + wave())",
        "out.write(header(size=32000) + wave() + b'LIST' + struct.pack('<I', 4) + b'abcd')",
        "out.write(header(before=b'LIST' + struct.pack('<I', 5) + b'abcde\\0') + wave())",
        "w = header() + wave()\nfor i in range(0, 200): out.write(w[i:i+1]); out.flush()\nout.write(w[200:])",
        "out.write(header(bits=8) + bytes(159 if (i // 40) % 2 else 97 for i in range(16000)))",
        "out.write(header(channels=2) + b''.join(struct.pack('<hh', s, s) for s in ([8000] * 40 + [-8000] * 40) * 200))",
        "out.write(header(bits=24) + b''.join(struct.pack('<i', s << 16)[1:] for s in ([8000] * 40 + [-8000] * 40) * 200))",
        "out.write(header(bits=32, code=3) + b''.join(struct.pack('<f', s / 32768) for s in ([8000] * 40 + [-8000] * 40) * 200))",
    ];
    for case in cases {
        let said = Own::python(case).speak("").await.unwrap_or_else(|failure| panic!("{case}: {failure}"));
        assert_eq!((said.rate, said.samples.len()), (16_000, 16_000), "{case}");
        let peak = i32::from(said.peak());
        assert!((7_900..8_200).contains(&peak), "{case}: {peak}");
    }
    let mixed = Own::python("out.write(header(channels=2) + struct.pack('<hh', 8000, -2000) * 100)");
    assert_eq!(mixed.speak("").await.unwrap().peak(), 3000, "the mean of both channels");
    let padded = Own::python("out.write(header() + bytes(64000) + wave() + bytes(64000))").speak("").await.unwrap();
    assert_eq!(padded.samples.len(), 1600 + 16_000 + 4800, "0.1 s of silence before, 0.3 s behind");
}

#[tokio::test]
async fn the_rate_stays_the_same() {
    if require::tool("python3").is_none() {
        return;
    }
    let own = Own::python("t = sys.stdin.read()\nout.write(header(rate=16000 if 'one' in t else 22050) + wave())");
    let engines = program(&own.path, "");
    let voice = voice("own", "amy", "en");
    assert!(speak(&engines, &voice, vec![say("one"), say("one")]).await.is_ok());
    let changed = speak(&engines, &voice, vec![say("one"), say("two")]).await.err().unwrap();
    assert_eq!(changed.reason, "own changed its sample rate");
}

#[tokio::test]
async fn a_program_gets_its_text_on_its_input_and_little_else() {
    if require::tool("python3").is_none() {
        return;
    }
    let own = Own::python(
        "text = sys.stdin.buffer.read().decode()\n\
         right = text == 'a; rm -rf $(x) `y` -- \\u4f60 [ [p]] b\\n'\n\
         right = right and sys.argv[1:] == ['amy'] and os.getcwd() == '/' and os.getpid() == os.getpgrp()\n\
         allowed = {'PATH', 'HOME', 'LANG', 'LC_ALL', 'LC_CTYPE', 'PWD', 'SHLVL', '_'}\n\
         right = right and set(os.environ) <= allowed and os.environ['LC_ALL'] == 'C.UTF-8'\n\
         print(repr(text), sys.argv, os.getcwd(), dict(os.environ), file=sys.stderr)\n\
         sys.exit(0 if right and not out.write(header() + wave()) is None else 9)",
    );
    let text = "a; rm -rf $(x) `y` -- \u{4f60} [[p]]\nb";
    let said = speak(&program(&own.path, ""), &voice("own", "amy", "en"), vec![say(text)]).await;
    said.unwrap_or_else(|failure| panic!("{failure}: {:?}", failure.source));
    own.gone().await;
}

#[tokio::test]
async fn whoever_leaves_ends_the_process() {
    let own = Own::shell("cat >/dev/null; sleep NAP & exec sleep NAP");
    let engines = program(&own.path, "");
    let (voice, script) = (voice("own", "amy", "en"), script(vec![say("x")]));
    let speaking = tokio::spawn(async move { engines.speak(&voice, &script, 1.0).await.map(|_| ()) });
    let seen = tokio::time::timeout(Duration::from_secs(10), async {
        while processes(&own.nap).is_empty() {
            tokio::task::yield_now().await;
        }
    });
    seen.await.expect("the program is started");
    speaking.abort();
    own.gone().await;
}

#[tokio::test]
async fn what_it_repeats_of_the_text_is_not_logged() {
    let logged = async |body| {
        let Err(failure) = Own::shell(body).speak("").await else { panic!("it fails") };
        shared::error::chain(&failure)
    };
    let told = logged("cat >&2; exit 1").await;
    assert!(told.contains("something of the text") && !told.contains("Hello"), "{told}");
    let told = logged("echo out of paper >&2; exit 1").await;
    assert!(told.contains("it said: out of paper"), "{told}");
}
