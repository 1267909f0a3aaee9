"""Somebody who names torrents in the DHT under a key of his own (BEP 44, BEP 46)."""
import hashlib
import socket
import subprocess

import libtorrent as lt


class Publisher:
    def __init__(self, folder, salt=b""):
        self.key, self.salt, self.sequence = folder / "publisher.pem", salt, 0
        self._openssl("genpkey", "-algorithm", "ed25519", "-out", self.key)
        # RFC 8410: the key itself ends the structure.
        self.public = self._openssl("pkey", "-in", self.key, "-pubout", "-outform", "DER")[-32:]
        self.to_sign = folder / "to-sign"

    @staticmethod
    def _openssl(*arguments):
        return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True).stdout

    def magnet(self):
        salt = f"&s={self.salt.hex()}" if self.salt else ""
        return f"magnet:?xs=urn:btpk:{self.public.hex()}{salt}"

    def name(self, info_hash, endpoints):
        """Tells these nodes which torrent it is now. How many took it."""
        self.sequence += 1
        value = lt.bencode({b"ih": info_hash})
        salt = b"4:salt%d:%s" % (len(self.salt), self.salt) if self.salt else b""
        self.to_sign.write_bytes(salt + b"3:seqi%de1:v" % self.sequence + value)
        signature = self._openssl("pkeyutl", "-sign", "-rawin", "-inkey", self.key, "-in", self.to_sign)
        target = hashlib.sha1(self.public + self.salt).digest()
        return sum(self._put(endpoint, target, lt.bdecode(value), signature) for endpoint in endpoints)

    def _put(self, endpoint, target, value, signature):
        asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        asker.settimeout(2)
        ours = b"p" * 20

        def ask(method, **arguments):
            query = {b"t": b"aa", b"y": b"q", b"q": method, b"ro": 1,
                     b"a": {b"id": ours, **{key.encode(): value for key, value in arguments.items()}}}
            asker.sendto(lt.bencode(query), endpoint)
            return lt.bdecode(asker.recv(4096))
        try:
            token = ask(b"get", target=target)[b"r"][b"token"]
            salt = {"salt": self.salt} if self.salt else {}
            return b"r" in ask(b"put", token=token, v=value, k=self.public, seq=self.sequence, sig=signature, **salt)
        except (socket.timeout, KeyError):
            return False
        finally:
            asker.close()
