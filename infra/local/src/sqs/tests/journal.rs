//! What a restart keeps, and what a torn state file does.

use std::{fs, path::PathBuf, sync::Arc, sync::atomic::AtomicI64};

use super::{
    super::{Depth, OpenError, Sqs, journal::GROWTH_BYTES_MAX, state::new_id},
    MINUTE_MS, START_MS, World, open, redrive, system,
};

/// A separate folder, deleted at the end of the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("maxpay-sqs-{}", new_id().unwrap()));
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    fn file(&self) -> PathBuf {
        self.0.join("sqs.journal")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // If the folder stays in /tmp, the test still passes.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn reopen(folder: &Folder) -> Result<Sqs, OpenError> {
    open(Some(folder.file()), &Arc::new(AtomicI64::new(START_MS)))
}

#[tokio::test]
async fn everything_survives_a_restart() {
    let folder = Folder::new();
    let world = World::open(Some(folder.file()), START_MS).await;
    let dead = world.queue("dead", []);
    let url = world.queue("bells", [("RedrivePolicy", &redrive("dead", 1))]);
    for body in ["poison", "deleted", "held"] {
        world.send(&url, body).await;
        world.advance(1);
    }
    let [poison, deleted, held] = world.receive(&url).await.try_into().unwrap();
    assert_eq!(world.change_visibility(&url, &poison, 0).await, "");
    assert!(world.receive(&url).await.is_empty());
    world.delete(&url, &deleted).await;
    assert_eq!(world.change_visibility(&url, &held, 120).await, "");
    world.send_late(&url, 60).await;
    world.send(&url, "visible").await;
    let attributes = world.attributes(&url).await;
    let now_ms = world.now_ms();

    // The first world stays open, as after a kill -9. The second restart reads a compact journal.
    for _ in 0..2 {
        let again = World::open(Some(folder.file()), now_ms).await;
        let url = again.sqs.queue_url("bells", &again.base);
        assert_eq!(again.attributes(&url).await, attributes);
        assert_eq!(again.sqs.depth("bells").unwrap(), Depth { visible: 1, in_flight: 1, delayed: 1 });
        assert_eq!(again.sqs.depth("dead").unwrap(), Depth { visible: 1, in_flight: 0, delayed: 0 });
        assert_eq!(again.sqs.next_event_ms(), Some(now_ms + MINUTE_MS));
    }
    let again = World::open(Some(folder.file()), now_ms).await;
    let (url, dead) = (url.replace(&world.base, &again.base), dead.replace(&world.base, &again.base));
    let letter = again.receive_one(&dead).await;
    assert_eq!(letter.message_id, poison.message_id);
    assert_eq!(system(&letter, "SentTimestamp"), START_MS.to_string());
    assert_eq!(again.bodies(&url).await, ["visible"]);
    // The old handles are still valid.
    again.delete(&url, &held).await;
    assert_eq!(again.sqs.depth("bells").unwrap(), Depth { visible: 0, in_flight: 1, delayed: 1 });
    again.client.purge_queue().queue_url(&url).send().await.unwrap();
    drop(again);
    assert_eq!(reopen(&folder).unwrap().depth("bells").unwrap(), Depth::default());
}

#[tokio::test]
async fn new_messages_do_not_take_the_place_of_old_ones() {
    let folder = Folder::new();
    let world = World::open(Some(folder.file()), START_MS).await;
    let url = world.queue("bells", []);
    for body in ["one", "two", "three"] {
        world.send(&url, body).await;
    }
    for message in &world.receive(&url).await[..2] {
        world.delete(&url, message).await;
    }
    // After this the journal no longer contains the deleted messages.
    drop(reopen(&folder).unwrap());
    let again = World::open(Some(folder.file()), START_MS).await;
    let url = url.replace(&world.base, &again.base);
    for body in ["four", "five", "six"] {
        again.send(&url, body).await;
    }
    again.advance(MINUTE_MS);
    assert_eq!(again.bodies(&url).await, ["four", "five", "six", "three"]);
}

#[tokio::test]
async fn a_journal_may_be_cut_anywhere_in_its_last_line() {
    let folder = Folder::new();
    let world = World::open(Some(folder.file()), START_MS).await;
    let url = world.queue("bells", []);
    world.send(&url, "kept").await;
    let whole = fs::read(folder.file()).unwrap();
    world.send(&url, "cut").await;
    let longer = fs::read(folder.file()).unwrap();
    for end in whole.len()..longer.len() {
        fs::write(folder.file(), &longer[..end]).unwrap();
        let sqs = reopen(&folder).unwrap();
        assert_eq!(sqs.depth("bells").unwrap().visible, 1, "{end}");
        assert!(fs::read(folder.file()).unwrap().ends_with(b"\n"));
    }
    fs::write(folder.file(), &longer).unwrap();
    assert_eq!(reopen(&folder).unwrap().receive("bells", 10, 0).unwrap()[1].body, "cut");
}

#[tokio::test]
async fn after_a_cut_the_journal_goes_on() {
    let folder = Folder::new();
    let world = World::open(Some(folder.file()), START_MS).await;
    let url = world.queue("bells", []);
    world.send(&url, "one").await;
    let whole = fs::read(folder.file()).unwrap();
    fs::write(folder.file(), [whole.as_slice(), b"{\"message\":{\"que"].concat()).unwrap();
    let again = World::open(Some(folder.file()), START_MS).await;
    again.send(&url.replace(&world.base, &again.base), "two").await;
    let bodies = reopen(&folder).unwrap().receive("bells", 10, 0).unwrap();
    assert_eq!(bodies.iter().map(|message| message.body.as_str()).collect::<Vec<_>>(), ["one", "two"]);
}

#[tokio::test]
async fn a_broken_line_in_the_middle_is_an_error() {
    let folder = Folder::new();
    fs::write(folder.file(), "{\"purge\":{\"queue\":\"bells\"}}\n{\"pur\n{}\n").unwrap();
    assert!(matches!(reopen(&folder).unwrap_err(), OpenError::Corrupt { line: 2, .. }));
    fs::remove_file(folder.file()).unwrap();
    fs::create_dir(folder.file()).unwrap();
    assert!(matches!(reopen(&folder).unwrap_err(), OpenError::Io { .. }));
}

#[tokio::test]
async fn the_journal_stays_within_bounds() {
    let folder = Folder::new();
    let world = World::open(Some(folder.file()), START_MS).await;
    let url = world.queue("bells", []);
    world.send(&url, "x").await;
    let mut longest = 0;
    for _ in 0..2_000 {
        world.sqs.receive("bells", 1, 0).unwrap();
        longest = longest.max(fs::metadata(folder.file()).unwrap().len());
    }
    assert!((GROWTH_BYTES_MAX / 2..2 * GROWTH_BYTES_MAX).contains(&longest), "{longest}");
    assert_eq!(reopen(&folder).unwrap().receive("bells", 1, 0).unwrap()[0].receive_count, 2_001);
}
