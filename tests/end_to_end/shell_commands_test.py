"""Torrents that come and go with nothing but a shell: files of .btfs in the mount that are written."""
import ctypes
import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.content import make_files, small_torrent
from support.harness import TestCase, main
from support.users import OrdinaryUser

LARGEST = 64 << 20  # bytes of a torrent file


class ShellCommands(TestCase):
    def setUp(self):
        super().setUp()
        self.use_own_folders()
        self.content = make_files(self.folder / "from" / "film", {"film.mkv": 3_000_000, "notes.txt": 70_000})
        self.torrent = self.folder / "film.torrent"
        self.seed = btfs.Seed(self, self.content, self.torrent, "--piece-size", "64K")
        self.hash = json.loads(btfs.run("info", "--json", self.torrent).stdout)["info_hash_v1"]
        self.magnet = f"magnet:?xt=urn:btih:{self.hash}&dn=film&x.pe=127.0.0.1:{self.seed.port}"
        self.mnt = self.folder / "mnt"
        self.add = self.mnt / ".btfs" / "add"

    def mount(self, *torrents, options=()):
        return btfs.Mount(self, *torrents, peers=[self.seed.port], options=options)

    def shell(self, command, shell="sh", seconds=30, **options):
        """Runs a command in which $m is the mount, $a its folder for torrents and $f the test's folder; exit code, stderr."""
        env = dict(os.environ, m=str(self.mnt), a=str(self.add), f=str(self.folder), magnet=self.magnet, hash=self.hash)
        done = subprocess.run([shell, "-c", command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds,
                              cwd="/", env=env, **options)
        return done.returncode, done.stderr

    def works(self, command, **options):
        self.assertEqual(self.shell(command, **options), (0, ""), command)

    def works_soon(self, command, **options):
        """A torrent that was removed can be added again when the last user of its files has let go."""
        def attempt():
            code, says = self.shell(command, **options)
            self.assertTrue(code == 0 or "busy" in says, f"{command}: {says}")
            return code == 0
        self.wait_for(attempt, "success of " + command, 5)

    def fails(self, command, reason, **options):
        code, says = self.shell(command, **options)
        self.assertNotEqual(code, 0, command)
        self.assertIn(reason, says, command)

    def names(self):
        return sorted(os.listdir(self.mnt))

    def assert_right(self):
        for name in ("film.mkv", "notes.txt"):
            self.assertEqual((self.mnt / "film" / name).read_bytes(), (self.content / name).read_bytes(), name)

    def assert_nothing_waits(self):
        self.assertEqual(os.listdir(self.add), ["link"])

    def remove(self, info_hash):
        self.works(f"echo > $m/.btfs/torrents/{info_hash}/remove")
        self.assertFalse((self.mnt / ".btfs" / "torrents" / info_hash).exists())

    def test_a_torrent_file_is_added_by_every_program_that_copies(self):
        mount = self.mount()
        self.assert_nothing_waits()
        copies = {
            "cp": "cp $f/film.torrent $a/", "cp -a": "cp -a $f/film.torrent $a", "cp by name": "cp $f/film.torrent $a/x.torrent",
            "cat": "cat $f/film.torrent > $a/x.torrent", "subshell": "(cat $f/film.torrent) > $a/x.torrent",
            "append": "cat $f/film.torrent >> $a/x.torrent", "tee": "tee $a/x.torrent < $f/film.torrent > /dev/null",
            "dd": "dd if=$f/film.torrent of=$a/x.torrent bs=100 status=none",
            "dd of a part": "dd if=$f/film.torrent of=$a/x.torrent bs=64K conv=fsync status=none",
            "stdout by name": "exec > $a/x.torrent; dd if=$f/film.torrent of=/dev/stdout status=none",
            "python": f"{sys.executable} -c 'import shutil, sys; shutil.copyfile(*sys.argv[1:])' $f/film.torrent $a/x.torrent",
            "mv": "cp -p $f/film.torrent $f/gone.torrent; chmod 640 $f/gone.torrent; mv $f/gone.torrent $a/ && test ! -e $f/gone.torrent",
            "install": "install -m 644 $f/film.torrent $a/", "install -p": "install -p -m 600 $f/film.torrent $a/x.torrent",
            "rsync": "rsync $f/film.torrent $a/", "rsync -a": "rsync -a $f/film.torrent $a/x.torrent",
            "rsync --inplace": "rsync -a --inplace $f/film.torrent $a/", "gio copy": "gio copy $f/film.torrent $a/",
            "gio move": "cp $f/film.torrent $f/gone.torrent; gio move $f/gone.torrent $a/ && test ! -e $f/gone.torrent",
            "chmod by its program": f"{sys.executable} -c 'import os, shutil, sys; shutil.copy2(*sys.argv[1:]); os.chown(sys.argv[2], 0, 0)'"
                                    " $f/film.torrent $a/x.torrent",
        }
        for name, copy in copies.items():
            for shell in ("sh", "bash"):
                with self.subTest(name, shell=shell):
                    self.works_soon(copy, shell=shell)
                    self.assertEqual(self.names(), ["film"])
                    self.assert_nothing_waits()
                    self.assertFalse((self.add / "x.torrent").exists())
                    self.assertEqual(os.listdir(self.mnt / ".btfs" / "torrents"), [self.hash])
                    self.remove(self.hash)
                    self.assertEqual(self.names(), [])
        self.works_soon("cp $f/film.torrent $a/")
        self.works("cp $f/film.torrent $a/")  # it is there already
        self.assert_right()
        mount.kill()
        self.mount()
        self.wait_for(lambda: self.names() == ["film"], "what was added before", 5)

    def test_several_files_at_once(self):
        self.mount()
        (self.folder / "many").mkdir()
        for i in range(20):
            small_torrent(self.folder / "many" / f"{i}.torrent", f"t{i}")
        self.works("cp $f/many/*.torrent $a/")
        self.assertEqual(len(self.names()), 20)
        self.fails("cp -r $f/many $a/", "Read-only file system")

    def test_links_are_added_as_btfs_add_takes_them(self):
        self.mount()
        hashes = [small_torrent(self.folder / f"{i}.torrent", f"t{i}") for i in range(5)]
        self.works('echo "$magnet" > $a/link')
        self.wait_for(lambda: self.names() == ["film"], "film", 10)
        self.assert_right()
        self.works('echo "$magnet" >> $a/link')  # it is there already
        self.works(f"echo {hashes[0]} >> $a/link", shell="bash")
        self.works(f"printf 'magnet:?xt=urn:btih:{hashes[1]}' > $a/link")
        self.works(f"(echo magnet:?xt=urn:btih:{hashes[2]}; echo) > $a/link")
        self.works(f"echo http://127.0.0.1:1/x.torrent | tee $a/link > /dev/null")
        self.works(f"printf 'magnet:?xt=urn:btih:{hashes[3]}\\n\\n{hashes[4]}' > $a/some.magnet")
        status = json.loads((self.mnt / ".btfs" / "status.json").read_text())
        self.assertEqual({torrent["info_hash"] for torrent in status["torrents"]}, {self.hash, *hashes, None})
        self.assert_nothing_waits()
        self.assertEqual((self.add / "link").read_bytes(), b"")

    def test_what_is_wrong_is_told_where_the_shell_looks(self):
        mount = self.mount()
        whole = self.torrent.read_bytes()
        (self.folder / "half.torrent").write_bytes(whole[:-10])
        (self.folder / "page.torrent").write_text("<html>not found</html>")
        for copy in ("cp $f/half.torrent $a/", "cp $f/page.torrent $a/x.torrent", "mv $f/half.torrent $a/",
                     "cat $f/page.torrent > $a/x.torrent", "dd if=$f/page.torrent of=$a/x.torrent", "tee $a/x.torrent < $f/page.torrent"):
            self.fails(copy, "Invalid argument")
        self.assertTrue((self.folder / "half.torrent").exists(), "mv leaves what it could not move")
        for name in ("x.txt", ".x.torrent", "x.torrent.part"):
            self.fails(f"cp $f/film.torrent $a/{name}", "Invalid argument")
        for shell in ("sh", "bash"):
            for junk in ("junk", "/etc/passwd", "file:///etc/passwd", "magnet:?dn=nothing"):
                self.assertNotEqual(self.shell(f"echo {junk} > $a/link", shell)[0], 0, junk)
        self.fails("rsync $f/page.torrent $a/", "Invalid argument")
        self.fails("install -m 644 $f/page.torrent $a/", "Invalid argument")
        self.fails("gio copy $f/page.torrent $a/", "Invalid argument")
        self.works(": > $a/link; truncate -s 0 $a/link")  # it is empty
        self.fails("truncate -s 5 $a/link", "Invalid argument")
        self.works(": > $a/empty.torrent")
        mount.find("empty.torrent in .btfs/add was closed without content")
        self.fails("echo junk | tee $a/link", "Invalid argument")
        self.fails("printf junk | tee $a/link", "Invalid argument")
        self.assertEqual(self.names(), [])
        self.assert_nothing_waits()
        self.fails(f"echo junk'\n'$magnet | tee $a/link", "Invalid argument")
        self.wait_for(lambda: self.names() == ["film"], "the other line", 10)
        mount.find(r"x\.torrent: no torrent, magnet link or URL")
        mount.find("junk: no magnet link")

    def test_a_file_is_bounded(self):
        self.mount()
        with open(self.add / "x.torrent", "wb", buffering=0) as file:
            self.assertEqual(file.write(b"d"), 1)
            os.ftruncate(file.fileno(), LARGEST)
            with self.assertRaises(OSError) as failure:
                os.pwrite(file.fileno(), b"e", LARGEST)
            self.assertEqual(failure.exception.errno, errno.EFBIG)
            with self.assertRaises(OSError) as failure:
                os.ftruncate(file.fileno(), LARGEST + 1)
            self.assertEqual(failure.exception.errno, errno.EFBIG)
            os.ftruncate(file.fileno(), 0)
            others = [open(self.add / f"{i}.torrent", "wb", buffering=0) for i in range(3)]
            for other in others[:2]:
                os.ftruncate(other.fileno(), LARGEST)
            with self.assertRaises(OSError) as failure:
                others[2].write(b"d")
            self.assertEqual(failure.exception.errno, errno.ENOSPC)
            for other in others:
                other.close()

            def write():
                try:
                    return file.write(b"d" * 100)
                except OSError as failure:
                    self.assertEqual(failure.errno, errno.ENOSPC)

            self.wait_for(write, "room, which the kernel's RELEASE of the others brings", 5)
            with self.assertRaises(OSError) as failure:
                file.close()
            self.assertEqual(failure.exception.errno, errno.EINVAL)
        self.fails("head -c 100M /dev/zero > $a/x.torrent", "File too large")
        self.fails("head -c 2M /dev/zero | tr '\\0' a > $a/link", "File too large")
        self.assert_nothing_waits()

    def test_a_torrent_is_removed_by_a_write(self):
        self.mount()
        removes = {"echo": "echo 1 > $r", "nothing": ": > $r", "append": "echo >> $r", "tee": "echo | tee $r", "dd": "dd if=/dev/zero of=$r bs=1 count=1 status=none",
                   "cp": "cp $f/film.torrent $r", "truncate": "truncate -s 0 $r"}
        for name, remove in removes.items():
            for shell in ("sh", "bash"):
                with self.subTest(name, shell=shell):
                    self.works_soon("cp $f/film.torrent $a/")
                    (self.mnt / "film" / "notes.txt").read_bytes()
                    self.works("r=$m/.btfs/torrents/$hash/remove; touch $r; : >> $r; cat $r; test -e $m/film")
                    self.fails("truncate -s 5 $m/.btfs/torrents/$hash/remove", "Invalid argument")
                    with self.assertRaises(OSError) as failure:
                        os.truncate(self.mnt / ".btfs" / "torrents" / self.hash / "remove", 0)
                    self.assertEqual(failure.exception.errno, errno.EINVAL)
                    self.assertEqual(self.names(), ["film"])
                    code, _ = self.shell("r=$m/.btfs/torrents/$hash/remove; " + remove, shell)
                    self.assertEqual(code, 0, remove)
                    self.assertEqual(self.names(), [])
        self.assertEqual(os.listdir(self.mnt / ".btfs" / "torrents"), [])

    def test_nothing_else_can_be_written(self):
        self.mount(self.torrent)
        libc = ctypes.CDLL(None, use_errno=True)
        film, folder, root = self.mnt / "film" / "film.mkv", self.mnt / "film", self.mnt
        virtual = self.mnt / ".btfs" / "status"

        def removexattr(path):
            if libc.removexattr(str(path).encode(), b"user.x") != 0:
                raise OSError(ctypes.get_errno(), "removexattr")

        attempts = {}
        for place in (root, folder, root / ".btfs", root / ".btfs" / "torrents", root / ".btfs" / "torrents" / self.hash, self.add):
            new = place / "new.torrent"
            attempts |= {f"mkdir {new}": lambda new=new: new.mkdir(),
                         f"mknod {new}": lambda new=new: os.mknod(new, 0o600 | 0o100000),
                         f"fifo {new}": lambda new=new: os.mkfifo(new),
                         f"symlink {new}": lambda new=new: new.symlink_to("x"),
                         f"link {new}": lambda new=new: os.link(film, new)}
            if place != self.add:
                attempts |= {f"create {new}": lambda new=new: open(new, "wb"),
                             f"rename to {new}": lambda new=new: film.rename(new),
                             f"chmod {place}": lambda place=place: place.chmod(0o777),
                             f"rmdir {place}": lambda place=place: place.rmdir() if place != root else new.mkdir()}
        for path in (film, virtual):
            for flags in (os.O_WRONLY, os.O_RDWR, os.O_RDONLY | os.O_TRUNC, os.O_WRONLY | os.O_APPEND, os.O_WRONLY | os.O_CREAT):
                attempts[f"open {path} {flags:o}"] = lambda path=path, flags=flags: os.close(os.open(path, flags))
            attempts |= {f"unlink {path}": lambda path=path: path.unlink(),
                         f"truncate {path}": lambda path=path: os.truncate(path, 5),
                         f"chmod {path}": lambda path=path: path.chmod(0o777),
                         f"chown {path}": lambda path=path: os.chown(path, 1, 1),
                         f"utime {path}": lambda path=path: os.utime(path),
                         f"setxattr {path}": lambda path=path: os.setxattr(path, "user.x", b"1"),
                         f"removexattr {path}": lambda path=path: removexattr(path),
                         f"rename {path}": lambda path=path: path.rename(self.add / "y.torrent")}
        attempts |= {"unlink link": lambda: (self.add / "link").unlink(),
                     "rename link": lambda: (self.add / "link").rename(self.add / "y.torrent"),
                     "rmdir add": lambda: self.add.rmdir(),
                     "unlink remove": lambda: (root / ".btfs" / "torrents" / self.hash / "remove").unlink()}
        for name, attempt in attempts.items():
            with self.subTest(name):
                with self.assertRaises(OSError) as failure:
                    attempt()
                self.assertEqual(failure.exception.errno, errno.EROFS)
        for path in (root, folder, film, virtual):
            self.assertTrue(os.access(path, os.R_OK), path)
            self.assertFalse(os.access(path, os.W_OK), path)
            self.assertEqual(self.shell(f"test -w {path}")[0], 1)
        self.assertEqual(libc.access(str(film).encode(), os.W_OK), -1)
        ctypes.set_errno(0)
        libc.access(str(film).encode(), os.W_OK)
        self.assertEqual(ctypes.get_errno(), errno.EROFS)
        self.assertFalse(os.access(film, os.X_OK))
        self.assertTrue(os.access(folder, os.X_OK))
        self.assertTrue(os.access(self.add, os.W_OK))
        self.assertEqual([oct(path.stat().st_mode) for path in (root, folder, film, virtual, self.add, self.add / "link")],
                         ["0o40555", "0o40555", "0o100444", "0o100444", "0o40755", "0o100644"])
        fd = os.open(film, os.O_RDONLY)
        self.addCleanup(os.close, fd)
        for attempt in (lambda: os.write(fd, b"x"), lambda: os.posix_fallocate(fd, 0, 5), lambda: os.copy_file_range(fd, fd, 5)):
            with self.assertRaises(OSError) as failure:
                attempt()
            self.assertEqual(failure.exception.errno, errno.EBADF)
        before = film.stat()
        self.assert_right()
        after = film.stat()
        self.assertEqual((before.st_atime_ns, before.st_mtime_ns), (after.st_atime_ns, after.st_mtime_ns))
        self.assertEqual(self.names(), ["film"])

    def test_without_control_or_mounted_read_only_the_kernel_refuses_all_writes(self):
        for options in (["--no-control"], ["-o", "ro"], ["-o", "rw,ro"]):
            with self.subTest(options):
                mount = self.mount(self.torrent, options=options)
                self.assertFalse(self.add.exists())
                self.assertFalse((self.mnt / ".btfs" / "torrents" / self.hash / "remove").exists())
                self.fails("cp $f/film.torrent $m/.btfs/", "Read-only file system")
                self.assertTrue(os.statvfs(self.mnt).f_flag & os.ST_RDONLY)
                self.assert_right()
                mount.stop()
        self.mount(self.torrent, options=["-o", "ro,rw"])
        self.assertFalse(os.statvfs(self.mnt).f_flag & os.ST_RDONLY)
        self.assert_nothing_waits()

    def test_other_users_may_read_and_nothing_else(self):
        self.folder.chmod(0o755)
        self.torrent.chmod(0o644)
        self.mount(self.torrent, options=["-o", "allow_other"])
        nobody = {"user": "nobody", "group": "nogroup", "extra_groups": []}
        self.assertEqual(self.shell("cat $m/film/notes.txt > /dev/null && ls $a && cat $a/link", **nobody)[0], 0)
        for command in ("cp $f/film.torrent $a/", "echo $magnet > $a/link", "echo > $m/.btfs/torrents/$hash/remove",
                        ": > $m/.btfs/torrents/$hash/remove", "touch $a/link", "chmod 777 $a"):
            code, says = self.shell(command, **nobody)
            self.assertNotEqual(code, 0, command)
            self.assertRegex(says, "Permission denied|cannot create", command)
        self.fails("cp $f/film.torrent $m/film/", "Read-only file system", **nobody)
        self.assertEqual(self.shell("test -w $a || test -w $a/link", **nobody)[0], 1)
        with open(self.add / "x.torrent", "wb", buffering=0) as file:
            file.write(self.torrent.read_bytes()[:100])
            self.fails("cat $a/x.torrent", "Permission denied", **nobody)
            self.assertEqual(self.shell("test -r $a/x.torrent", **nobody)[0], 1)
            with self.assertRaises(OSError):
                file.close()
        self.assertEqual(self.names(), ["film"])

    def test_an_ordinary_user_commands_the_mount_that_is_the_users(self):
        user = OrdinaryUser(self)
        mnt = self.mnt = user.home / "mnt"
        self.add = mnt / ".btfs" / "add"
        self.torrent.chmod(0o644)
        self.assertEqual(user.run("mkdir", mnt).returncode, 0)
        done = user.run(user.program, "mount", *btfs.ALONE, mnt)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.addCleanup(user.run, user.program, "umount", mnt)
        done = user.run("cp", "-p", self.torrent, self.add)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(user.run("ls", mnt).stdout, "film\n")
        done = user.run("sh", "-c", f"echo > {mnt}/.btfs/torrents/{self.hash}/remove")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(user.run("ls", mnt).stdout, "")
        done = user.run("touch", mnt / "new")
        self.assertIn("Read-only file system", done.stderr)

    def test_a_thousand_are_dropped(self):
        self.mount()
        many = self.folder / "many"
        many.mkdir()
        for i in range(1000):
            small_torrent(many / f"{i}.torrent", f"torrent {i}")
        began = time.monotonic()
        self.works("ls $f/many | xargs -P 8 -I {} cp $f/many/{} $a/", seconds=120)
        print(f"{1000 / (time.monotonic() - began):.0f} drops a second ", end="", flush=True)
        self.assertEqual(len(self.names()), 1000)
        self.assert_nothing_waits()

    def test_of_a_program_that_is_killed_nothing_is_added(self):
        self.mount()
        for how in (signal.SIGKILL, signal.SIGTERM):
            pipe = self.folder / f"pipe{how}"
            os.mkfifo(pipe)
            for line in (self.torrent.read_bytes(), self.magnet.encode()):  # whole, but the program was not at its end
                name = "x.torrent" if line[:1] == b"d" else "link"
                writer = self.start(["dd", f"if={pipe}", f"of={self.add / name}", "bs=1M", "status=none"])
                with open(pipe, "wb", buffering=0) as end:
                    end.write(line)
                    written = Path(f"/proc/{writer.pid}/io")
                    self.wait_for(lambda: f"wchar: {len(line)}\n" in written.read_text(), "write of the program", 5)
                    writer.send_signal(how)
                    writer.wait(10)
        self.assert_nothing_waits()
        self.assertEqual(json.loads((self.mnt / ".btfs" / "status.json").read_text())["torrents"], [])

    def test_a_reader_neither_takes_nor_drops_what_another_program_writes(self):
        self.mount()
        whole = self.torrent.read_bytes()
        dropped = self.add / "x.torrent"
        with open(dropped, "wb", buffering=0) as file:
            file.write(whole[:100])
            self.assertEqual(oct(dropped.stat().st_mode), "0o100600")
            self.assertEqual(dropped.read_bytes(), whole[:100])  # opens, reads, closes
            reader = self.start(["tail", "-c", "+1", "-f", dropped])
            opened = Path(f"/proc/{reader.pid}/fd")
            self.wait_for(lambda: any(os.path.realpath(fd) == str(dropped) for fd in opened.iterdir()), "tail", 5)
            reader.send_signal(signal.SIGINT)
            reader.wait(10)
            for program in (["true"], ["sleep", "100"]):  # share the descriptor, and write nothing
                child = self.start(program, pass_fds=[file.fileno()])
                if program[0] == "sleep":
                    child.kill()
                child.wait(10)
            self.assertEqual(sorted(os.listdir(self.add)), ["link", "x.torrent"])
            self.assertEqual(self.names(), [])
            file.write(whole[100:])
        self.assertEqual(self.names(), ["film"])

    def test_a_killed_child_of_a_shell_loses_nothing_that_the_shell_wrote(self):
        self.mount()
        for shell in ("sh", "bash"):
            for name in ("x.magnet", "link"):
                with self.subTest(name, shell=shell):
                    info_hash = hashlib.sha1(f"{name} {shell}".encode()).hexdigest()
                    self.works("{ printf magnet:?xt=urn:btih:" + info_hash + "; sleep 9 & kill $!; wait; true; } 2> /dev/null > $a/" + name,
                               shell=shell)
                    status = json.loads((self.mnt / ".btfs" / "status.json").read_text())
                    self.assertIn(info_hash, [torrent["info_hash"] for torrent in status["torrents"]])

    def test_a_line_that_is_too_long_is_no_link(self):
        self.mount()
        code, _ = self.shell("{ printf %s \"$magnet&tr=\"; head -c 2M /dev/zero | tr '\\0' a; } | dd of=$a/link bs=64K iflag=fullblock status=none")
        self.assertNotEqual(code, 0)
        self.assertEqual(json.loads((self.mnt / ".btfs" / "status.json").read_text())["torrents"], [])

    def test_many_links_at_once_are_added_or_refused_while_the_mount_answers(self):
        mount = self.mount()
        (self.folder / "junk").write_text("".join(f"junk{i}\n" for i in range(5000)))
        (self.folder / "many").write_text("".join(f"http://{i}\n" for i in range(20_000)))
        self.fails("cp $f/junk $a/x.magnet", "Invalid argument")
        mount.find("x.magnet: 4995 more links could not be added")
        self.fails("cp $f/many $a/x.magnet", "File too large")
        self.fails("head -c 2M /dev/zero > $a/x.magnet", "File too large")
        self.assertEqual(json.loads((self.mnt / ".btfs" / "status.json").read_text())["torrents"], [])

    def test_the_room_for_files_is_shown_as_free_space(self):
        self.mount()
        for path in (self.mnt, self.add):
            shown = os.statvfs(path)
            self.assertEqual(shown.f_bavail * shown.f_frsize, 2 * LARGEST)

    def test_the_mount_ends_while_torrents_are_dropped(self):
        mount = self.mount()
        many = self.folder / "many"
        many.mkdir()
        for i in range(300):
            small_torrent(many / f"{i}.torrent", f"torrent {i}")
        writers = [self.start(["sh", "-c", f"for i in $(seq {first} 4 299); do cp {many}/$i.torrent {self.add}/; done; true"])
                   for first in range(4)]
        held = open(self.add / "held.torrent", "wb", buffering=0)
        held.write(self.torrent.read_bytes())
        self.wait_for(lambda: len(self.names()) > 20, "torrents", 20)
        mount.stop()
        for writer in writers:
            self.assertEqual(writer.wait(20), 0)
        began = time.monotonic()
        try:
            held.close()
        except OSError:
            pass
        self.assertLess(time.monotonic() - began, 5)

    def test_many_write_at_once(self):
        self.mount()
        failures = []

        def add_again(info_hash):
            while True:
                try:
                    return (self.add / "link").write_text(info_hash + "\n")
                except OSError as failure:
                    if failure.errno != errno.EBUSY:
                        raise
                    time.sleep(0.01)

        def drop(number):
            try:
                for i in range(20):
                    path = self.folder / f"{number}.{i}.torrent"
                    info_hash = small_torrent(path, f"t {number} {i}")
                    (self.add / path.name).write_bytes(path.read_bytes())
                    (self.mnt / ".btfs" / "torrents" / info_hash / "remove").write_bytes(b"1")
                    add_again(info_hash)
            except OSError as failure:
                failures.append(failure)

        threads = [threading.Thread(target=drop, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.assertEqual(failures, [])
        self.assertEqual(len(os.listdir(self.mnt / ".btfs" / "torrents")), 160)


if __name__ == "__main__":
    main(programs=("bash", "xargs", "tee", "dd", "install", "rsync", "gio"))
