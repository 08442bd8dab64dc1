//! The user file on a real file system: who may do what with it before and after a change, who can't change
//! it, and what is said of that before anybody is asked for anything.

mod folder;

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;

use nix::sched::{CloneFlags, unshare};
use rustix::fs::{FlockOperation, XattrFlags, flock, getxattr, setxattr};

use crate::common::harness::{Need, Test, missing_program};
use crate::common::process::{Program, run};
use crate::common::program::sockmodes;
use folder::{Folder, access, give, list, set_list};

pub(crate) const TESTS: &[Test] = &[
    ("a_list_and_other_attributes_are_kept", LISTS, a_list_and_other_attributes_are_kept),
    ("a_folder_lends_no_list", LISTS, a_folder_lends_no_list),
    ("owner_group_and_mode_are_kept", &[USERS], owner_group_and_mode_are_kept),
    ("what_cannot_be_kept_is_said", &[USERS], what_cannot_be_kept_is_said),
    ("administrators_of_one_group_take_turns", &[USERS], administrators_of_one_group_take_turns),
    ("no_lock_opens_what_is_linked_there", &[USERS], no_lock_opens_what_is_linked_there),
    ("a_held_lock_is_waited_for_with_a_word", &[], a_held_lock_is_waited_for_with_a_word),
    (
        "a_file_mounted_by_itself_says_so",
        &[Need::Machine(mounts)],
        a_file_mounted_by_itself_says_so,
    ),
    (
        "what_cannot_be_done_is_not_asked_for",
        &[USERS, Need::Peer(|| missing_program("script"))],
        what_cannot_be_done_is_not_asked_for,
    ),
];

const LISTS: &[Need] = &[
    Need::Peer(|| missing_program("setfacl")),
    Need::Peer(|| missing_program("getfacl")),
    Need::Machine(lists),
];
const USERS: Need = Need::Machine(two_users);

/// Users and a group that need no names.
const ANN: u32 = 60_001;
const BOB: u32 = 60_002;
const STRANGER: u32 = 60_003;
const ADMINISTRATORS: u32 = 60_100;

fn two_users() -> Option<String> {
    if !rustix::process::getuid().is_root() {
        return Some("only root can be two users".into());
    }
    let failed = sockmodes(["--version"]).uid(ANN).output().err()?;
    Some(format!("other users may not run the program: {failed}"))
}

fn lists() -> Option<String> {
    let folder = Folder::new("");
    let done = Command::new("setfacl").args(["-m", "u:1:r"]).arg(folder.file()).output().ok()?;
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    if !done.status.success() {
        return Some(format!("no file can be given a list: {said}"));
    }
    let failed = setxattr(folder.file(), "user.note", b"", XattrFlags::empty()).err()?;
    Some(format!("no file can be given an attribute: {failed}"))
}

fn mounts() -> Option<String> {
    thread::spawn(own_mounts).join().unwrap().err()
}

/// Lets this thread, and whatever it starts, mount what it likes: nobody else sees it, and it ends with them.
fn own_mounts() -> Result<(), String> {
    unshare(CloneFlags::CLONE_NEWNS)
        .map_err(|error| format!("no mount namespace can be made: {error}"))?;
    let done = Command::new("mount").args(["--make-rprivate", "/"]).output();
    match done.map_err(|error| format!("mount can't be run: {error}"))? {
        done if done.status.success() => Ok(()),
        done => Err(String::from_utf8_lossy(&done.stderr).into_owned()),
    }
}

fn a_list_and_other_attributes_are_kept() {
    let folder = Folder::new("# the users\na | !\n");
    // The group may nothing; without the list, its bits in the mode would let it read.
    fs::set_permissions(folder.file(), Permissions::from_mode(0o600)).unwrap();
    set_list(&folder.file(), &["-m", "u:60003:r,g:60100:rw"]);
    let before = list(&folder.file());
    assert!(before.contains("group::---") && before.contains("user:60003:r--"), "{before}");
    setxattr(folder.file(), "user.note", b"kept", XattrFlags::empty()).unwrap();
    run(&mut folder.add("b"), b"x\n").expect(0);
    assert_eq!(folder.names(), ["a", "b"]);
    assert_eq!(list(&folder.file()), before);
    // Whoever may change the file may lock it.
    assert_eq!(list(&folder.lock()), before);
    let mut note = [0; 8];
    assert_eq!(getxattr(folder.file(), "user.note", &mut note[..]).unwrap(), 4);
    assert_eq!(&note[..4], b"kept");
}

fn a_folder_lends_no_list() {
    let folder = Folder::new("a | !\n");
    fs::set_permissions(folder.file(), Permissions::from_mode(0o640)).unwrap();
    let before = list(&folder.file());
    set_list(folder.0.path(), &["-d", "-m", "u:60003:rwx"]);
    run(&mut folder.add("b"), b"x\n").expect(0);
    assert_eq!(list(&folder.file()), before);
    // One that is new is for its owner, whatever the folder's list says.
    fs::remove_file(folder.file()).unwrap();
    run(&mut folder.add("b"), b"x\n").expect(0);
    assert_eq!(access(&folder.file()).2, 0o600);
}

fn owner_group_and_mode_are_kept() {
    for mode in [0o600, 0o640, 0o664, 0o400] {
        let folder = Folder::of(ANN, ADMINISTRATORS, 0o700);
        fs::write(folder.file(), "a | !\n").unwrap();
        give(&folder.file(), ANN, ADMINISTRATORS, mode);
        run(&mut folder.add("b"), b"x\n").expect(0);
        assert_eq!(access(&folder.file()), (ANN, ADMINISTRATORS, mode));
        assert_eq!(folder.names(), ["a", "b"]);
        // After root, it is still hers to change.
        folder.add_as(ANN, ADMINISTRATORS, "c").expect(0);
        assert_eq!(access(&folder.file()), (ANN, ADMINISTRATORS, mode));
    }
}

fn what_cannot_be_kept_is_said() {
    let refused = [
        // Root's, in a folder that everybody may write.
        (0, 0, 0o644, "its owner (user 0)"),
        // Another's, who lets the group read it and no more.
        (BOB, ADMINISTRATORS, 0o640, "its owner (user 60002)"),
        // Hers, and of a group that she is not in.
        (ANN, STRANGER, 0o640, "its group (60003)"),
    ];
    for (owner, group, mode, what) in refused {
        let folder = Folder::of(ANN, ADMINISTRATORS, 0o770);
        fs::write(folder.file(), "a | !\n").unwrap();
        give(&folder.file(), owner, group, mode);
        let inode = fs::metadata(folder.file()).unwrap().ino();
        let done = folder.add_as(ANN, ADMINISTRATORS, "b").expect(1);
        let said = format!("cannot change the user file {}: ", folder.file().display());
        assert!(done.err().contains(&said) && done.err().contains(what), "{}", done.err());
        assert!(done.err().contains("left as it is"), "{}", done.err());
        assert_eq!(fs::read_to_string(folder.file()).unwrap(), "a | !\n");
        assert_eq!(access(&folder.file()), (owner, group, mode));
        assert_eq!(fs::metadata(folder.file()).unwrap().ino(), inode);
        assert!(!folder.0.path().join(".info.new").exists());
    }
}

fn administrators_of_one_group_take_turns() {
    // Their folder gives its group to what is made in it, or does not.
    for mode in [0o2770, 0o770] {
        let folder = Folder::of(0, ADMINISTRATORS, mode);
        folder.add_as(ANN, ADMINISTRATORS, "a").expect(0);
        assert_eq!(access(&folder.file()), (ANN, ADMINISTRATORS, 0o600));
        assert_eq!(access(&folder.lock()), (ANN, ADMINISTRATORS, 0o660));
        // That is the file's own mode, and said to be.
        let done = folder.add_as(BOB, ADMINISTRATORS, "b").expect(1);
        let said = format!("cannot read the user file {}: Perm", folder.file().display());
        assert!(done.err().contains(&said), "{}", done.err());
        give(&folder.file(), ANN, ADMINISTRATORS, 0o660);
        for (user, name) in [(BOB, "b"), (ANN, "c"), (BOB, "d")] {
            folder.add_as(user, ADMINISTRATORS, name).expect(0);
            let (_, group, mode) = access(&folder.file());
            assert_eq!((group, mode), (ADMINISTRATORS, 0o660));
        }
        assert_eq!(folder.names(), ["a", "b", "c", "d"]);

        // Where the lock can't be had, it is the lock that is named.
        give(&folder.lock(), ANN, ADMINISTRATORS, 0o600);
        let done = folder.add_as(BOB, ADMINISTRATORS, "e").expect(1);
        let said = format!("its lock {}: Permission denied", folder.lock().display());
        assert!(done.err().contains(&said), "{}", done.err());
        // And its owner opens it with the next change.
        folder.add_as(ANN, ADMINISTRATORS, "e").expect(0);
        folder.add_as(BOB, ADMINISTRATORS, "f").expect(0);
    }
}

fn no_lock_opens_what_is_linked_there() {
    let folder = Folder::of(ANN, ADMINISTRATORS, 0o770);
    fs::write(folder.file(), "a | !\n").unwrap();
    give(&folder.file(), ANN, ADMINISTRATORS, 0o660);
    let other = folder.0.path().join("root's");
    fs::write(&other, "").unwrap();
    give(&other, 0, 0, 0o600);
    fs::hard_link(&other, folder.lock()).unwrap();
    run(&mut folder.add("b"), b"x\n").expect(0);
    assert_eq!(access(&other), (0, 0, 0o600));
}

fn a_held_lock_is_waited_for_with_a_word() {
    let folder = Folder::new("a | !\n");
    let lock = File::create(folder.lock()).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    for command in ["add", "remove"] {
        let mut command = sockmodes(["user", command, "a", "--users"]);
        let mut program = Program::start(command.arg(folder.file()));
        program.wait_for_log(&format!("waiting for {}, ", folder.lock().display()));
        flock(&lock, FlockOperation::Unlock).unwrap();
        program.input(b"x\n");
        let done = program.finish().expect(0);
        assert_eq!(done.err().lines().count(), 1, "{}", done.err());
        flock(&lock, FlockOperation::LockExclusive).unwrap();
    }
    assert!(folder.names().is_empty());
}

fn a_file_mounted_by_itself_says_so() {
    thread::spawn(|| {
        own_mounts().unwrap();
        let (outside, inside) = (Folder::new("a | !\n"), Folder::new(""));
        let mut mount = Command::new("mount");
        run(mount.arg("--bind").args([outside.file(), inside.file()]), b"").expect(0);
        // Before it is asked for a password, which there is not.
        let done = run(&mut inside.add("b"), b"").expect(1);
        let said = format!("cannot replace the user file {}: ", inside.file().display());
        assert!(done.err().contains(&said), "{}", done.err());
        assert!(done.err().contains("mount the folder that it is in"), "{}", done.err());
        assert!(run(&mut sockmodes(["man"]), b"").out().contains("mount the folder that it is in"));
        assert_eq!(outside.names(), ["a"]);
        assert!(!inside.0.path().join(".info.new").exists());
        run(Command::new("umount").arg(inside.file()), b"").expect(0);
    })
    .join()
    .unwrap();
}

fn what_cannot_be_done_is_not_asked_for() {
    let (hers, roots) = (Folder::of(ANN, ANN, 0o700), Folder::of(0, 0, 0o755));
    let sticky = Folder::of(0, 0, 0o1777);
    fs::write(sticky.file(), "a | !\n").unwrap();
    give(&sticky.file(), BOB, ANN, 0o660);
    let broken = hers.0.path().join("broken");
    fs::write(&broken, "what is this\n").unwrap();
    fs::set_permissions(&broken, Permissions::from_mode(0o644)).unwrap();
    let unreadable = hers.0.path().join("unreadable");
    fs::write(&unreadable, "a | !\n").unwrap();
    fs::set_permissions(&unreadable, Permissions::from_mode(0o000)).unwrap();
    let cases = [
        ("add", hers.0.path().join("target/users"), "target: No such file or directory"),
        ("add", broken.clone(), "broken, line 1: no '|'"),
        ("add", unreadable.clone(), "cannot read the user file"),
        ("add", hers.0.path().to_owned(), "no regular file"),
        ("add", hers.0.path().join("new/"), "new/: is a directory"),
        ("add", roots.file(), ".info.lock: Permission denied"),
        ("add", sticky.file(), "info: Operation not permitted"),
        ("check", hers.file(), "No such file or directory"),
        ("check", broken, "broken, line 1: no '|'"),
        ("check", unreadable, "cannot read the user file"),
    ];
    for (command, file, what) in cases {
        let program = sockmodes(["user", command, "eva", "--users"]);
        let words = [program.get_program()].into_iter().chain(program.get_args());
        let line: Vec<_> =
            words.chain([file.as_os_str()]).map(|word| word.to_str().unwrap()).collect();
        // On a terminal, where nobody types anything.
        let mut script = Command::new("script");
        script.args(["-qec", &line.join(" "), "/dev/null"]).uid(ANN).gid(ANN);
        let done = run(script.env("HOME", "/nonexistent"), b"").expect(1);
        assert!(done.out().contains(what) && !done.out().contains("password"), "{}", done.out());
    }
}
