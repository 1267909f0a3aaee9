"""Content for torrents, and comparing it."""
import hashlib
import random
import subprocess


def make_files(folder, sizes, seed=1):
    """Files of random bytes, by path and size. The same each time."""
    rng = random.Random(seed)
    for path, size in sizes.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(rng.randbytes(size))
    return folder


# Multi-file, with sizes that end inside a block, an empty file, and names that have to survive.
MIXED = {
    "film.mkv": 12_345_677,
    "empty": 0,
    "extras/a trailer.mp4": 4_194_304,
    "extras/deeper/übung.txt": 17,
    "extras/sound.flac": 3_456_789,
    "readme.txt": 16_385,
}


def differences(one, other, seconds=60):
    """What `diff -r` says of two folders; empty if they are the same, byte by byte."""
    done = subprocess.run(["diff", "-r", str(one), str(other)], capture_output=True, text=True, timeout=seconds)
    return done.stdout + done.stderr


def small_torrent(path, name):
    """Writes a torrent of one file whose content nobody has; its info-hash."""
    info = (f"d6:lengthi16384e4:name{len(name)}:{name}12:piece lengthi16384e6:pieces20:".encode()
            + hashlib.sha1(name.encode()).digest() + b"e")
    path.write_bytes(b"d4:info" + info + b"e")
    return hashlib.sha1(info).hexdigest()
