//! Blocks of all sizes in any order, many at once.

use std::ops::Range;

use bytes::{Buf, Bytes};
use futures_util::{StreamExt, stream};
use tests::stack::{Backend, Door, Stack};
use tests::{arbitrary, contract, require};

use super::block_task::{Task, code, key};

/// Numbers that look random and depend on the seed alone.
struct Dice(Bytes);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(arbitrary::bytes(seed, 1 << 16))
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.0.get_u64_le()).unwrap() % limit
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// Blocks that cover `length` bytes, cut anywhere, shuffled; some overlap their neighbours, some come twice.
fn blocks(dice: &mut Dice, length: usize, largest: usize) -> Vec<Range<usize>> {
    let (mut blocks, mut at) = (Vec::new(), 0);
    while at < length {
        // One byte as likely as many.
        let bits = 1 + dice.below(largest.ilog2() as usize);
        let size = 1 + dice.below(1 << bits);
        let end = (at + size.min(largest)).min(length);
        let from = at - dice.below(at.min(2000) + 1);
        blocks.push(if dice.below(3) == 0 && end - from < largest { from..end } else { at..end });
        if dice.below(5) == 0 {
            blocks.push(at..end);
        }
        at = end;
    }
    dice.shuffle(&mut blocks);
    blocks
}

/// How often a block is sent again to a store that is busy.
const BUSY: usize = 3;

/// Sends the blocks, so many at once; each must be taken.
async fn send_all(stack: &Stack, task: &Task, content: &Bytes, blocks: &[Range<usize>], at_once: usize) {
    let sending = stream::iter(blocks.iter().cloned()).map(|block| async move {
        let mut answer = task.send(stack, content, block.clone()).await;
        // A store that all tests load at once may say that it is busy: a client comes again, as it is told.
        for _ in 0..BUSY {
            if code(&answer) != (503, "3".to_owned()) {
                break;
            }
            answer = task.send(stack, content, block.clone()).await;
        }
        let (status, ret_code) = code(&answer);
        let asked = ret_code == "1" && block.end == content.len();
        assert!(status == 200 && (ret_code == "0" || asked), "{block:?}: {}", answer.text());
    });
    sending.buffer_unordered(at_once).collect::<Vec<()>>().await;
}

contract! {
    async fn any_order_gives_the_file(stack: &Stack) {
        for (seed, length, largest, at_once) in [(40, 30_000, 2_000, 8), (41, 17_500_000, 4_000_000, 6)] {
            let content = arbitrary::bytes(seed, length);
            let name = format!("any-{seed}");
            let task = Task::new(stack, &content, &name).await;
            let blocks = blocks(&mut Dice::new(seed), length, largest);
            send_all(stack, &task, &content, &blocks, at_once).await;
            task.completes(stack, &content, &key(&name)).await;
        }
    }
}

/// What was acknowledged is not asked for while others send, whatever happens to its pieces meanwhile.
#[tokio::test]
async fn acknowledged_bytes_are_never_asked_for() {
    let stack = Stack::start(Door::Program, Backend::Embedded).await.unwrap();
    let content = arbitrary::bytes(42, 9_000_000);
    let task = Task::new(&stack, &content, "watched").await;
    let mut dice = Dice::new(42);
    let mut first = Vec::new();
    // Small ones with gaps between them, in both cells, so that they are merged.
    for at in (0..content.len()).step_by(30_000) {
        first.push(at..(at + 1 + dice.below(15_000)).min(content.len()));
    }
    dice.shuffle(&mut first);
    send_all(&stack, &task, &content, &first, 8).await;
    let rest: Vec<_> = blocks(&mut dice, content.len(), 1 << 20);
    let asking = async {
        loop {
            let info = task.gaps(&stack).await;
            let asked = first.iter().find(|held| info.iter().any(|gap| gap.start < held.end && held.start < gap.end));
            assert_eq!(asked, None, "it was acknowledged");
            if info.is_empty() {
                break;
            }
        }
    };
    tokio::join!(send_all(&stack, &task, &content, &rest, 8), asking);
    task.completes(&stack, &content, &key("watched")).await;
}

/// Twenty thousand where nothing may be skipped: in the debug profile that takes minutes.
#[tokio::test]
async fn thousands_of_blocks_of_one_byte() {
    let count = if require::everything() { 20_000 } else { 2_000 };
    let stack = Stack::start(Door::Program, Backend::Embedded).await.unwrap();
    let content = arbitrary::bytes(43, count);
    let task = Task::new(&stack, &content, "bytes").await;
    let mut blocks: Vec<_> = (0..content.len()).map(|at| at..at + 1).collect();
    // Half of them in order, as a patient client would; half in none.
    Dice(arbitrary::bytes(43, 1 << 18)).shuffle(&mut blocks[count / 2..]);
    send_all(&stack, &task, &content, &blocks, 16).await;
    task.completes(&stack, &content, &key("bytes")).await;
}
