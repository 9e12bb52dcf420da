//! The example programs, as a reader would run them.

use std::path::PathBuf;
use std::process::Stdio;

use tests::arbitrary;
use tests::binaries::binary;
use tests::client::PATIENCE;
use tests::program::Program;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

const TOKEN: &str = "cp00000010103010301";
/// 32 bytes.
const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// More than one cell.
const SIZE: usize = (20 << 20) + 1;

/// An example is built with the tests, beside them.
fn example(name: &str) -> PathBuf {
    binary("pannier").with_file_name("examples").join(name)
}

async fn next(lines: &mut Lines<BufReader<ChildStdout>>) -> String {
    let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("the program says something");
    line.unwrap().expect("the program runs")
}

/// The business server, and its address; the callbacks that it prints are the lines that follow.
async fn business(pannier: &str, listen: &str) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut command = Command::new(example("business_server"));
    command.args([pannier, listen]).env("BUSINESS_TOKEN", TOKEN).env("WEBHOOK_SECRET", SECRET);
    let mut server = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    assert_eq!(next(&mut lines).await, format!("listening on http://{listen}"));
    (server, lines)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_from_the_client_into_the_bucket_and_the_business_hears_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let listen = tests::stack::free_address().trim_start_matches("http://").to_owned();
    let config = folder.path().join("pannier.toml");
    let text = format!(
        "[business.{TOKEN}]\nname = \"shop\"\nnotify_url = \"http://{listen}/api/business/fupload/callback\"\n\
         store_prefix = \"business/\"\nwebhook_secret = \"{SECRET}\"\n"
    );
    std::fs::write(&config, text).unwrap();
    let program = Program::start(&folder.path().join("data"), &["--config", config.to_str().unwrap()], &[]).await;
    let (_server, mut news) = business(&program.url(), &listen).await;
    for size in [SIZE, 0] {
        let file = folder.path().join(format!("{size}.bin"));
        std::fs::write(&file, arbitrary::bytes(1, size)).unwrap();
        let mut upload = Command::new(example("upload_file"));
        let upload = upload.arg(format!("http://{listen}")).arg(&file).kill_on_drop(true).output();
        let output = tokio::time::timeout(PATIENCE, upload).await.expect("it ends").unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let line = next(&mut news).await;
        assert!(line.contains(&format!("incoming/{size}.bin is complete and verified")), "{line}");
    }
}
