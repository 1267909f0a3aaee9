"""The router is asked to let peers in, by PCP, by NAT-PMP and by UPnP; and nothing is lost if it does not."""
import json
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.content import differences, make_files
from support.harness import TestCase, end, main
from support.machine import Machine, run

ROUTER = "10.77.0.1"
US = "10.77.0.2"
OPTIONS = ("--dht-bootstrap", "127.0.0.1:9", "--no-lsd", "--no-pex")  # nobody is there, but a DHT's port is


class PortMapping(TestCase):
    def setUp(self):
        super().setUp()
        self.router = Machine(self, "router", f"{US}/24", f"{ROUTER}/24")
        run("ip", "route", "add", "default", "via", ROUTER)
        self.content = make_files(self.folder / "content", {"film.mkv": 500_000})
        self.torrent = btfs.create(self, self.content, self.folder / "content.torrent",
                                   "--tracker", f"http://{ROUTER}:8000/announce")

    def gateway(self, kind, *options):
        script = Path(__file__).resolve().parent.parent / "support" / "gateway.py"
        self.gateway_process = self.start(self.router.words(sys.executable, "-B", script, ROUTER, kind, *options))
        self.wait_for(lambda: self.heard("ready"), "gateway", 10)

    def heard(self, key):
        """What the router heard of that kind, in order."""
        lines = self.gateway_process.output.read_text().splitlines()
        return [word for word in map(json.loads, lines) if key in word]

    def mapped(self, protocol):
        return [(word["port"], word["external"]) for word in self.heard("mapped") if word["mapped"] == protocol]

    def announced(self):
        return [word["announced"] for word in self.heard("announced") if word["event"] != "stopped"]

    def mount(self, *options):
        return btfs.Mount(self, self.torrent, options=[*OPTIONS, *options], alone=False)

    def test_pcp_maps_tells_and_gives_back(self):
        self.gateway("pcp")
        mount = self.mount()
        outside = mount.port + 1000
        self.wait_for(lambda: self.announced()[-1:] == [outside], "announce of the external port", 10)
        self.assertEqual(self.mapped("tcp"), [(mount.port, outside)])
        # The fake gives 1,000 more than is wanted, and for UDP the port of TCP is wanted.
        self.wait_for(lambda: self.mapped("udp") == [(mount.port, outside + 1000)], "mapping of the UDP port", 10)
        mount.stop()
        self.assertEqual({(word["unmapped"], word["port"]) for word in self.heard("unmapped")},
                         {("tcp", mount.port), ("udp", mount.port)})
        self.assertEqual({word["asked"] for word in self.heard("asked")}, {"pcp"}, "nothing else is asked")
        self.assertEqual(self.heard("refused"), [], "each mapping is deleted by the nonce that made it")

    def test_pcp_is_renewed_by_the_same_nonce(self):
        self.gateway("pcp", 20)
        mount = self.mount()
        self.wait_for(lambda: len(self.mapped("tcp")) == 2, "renewal", 18)
        self.assertEqual(len({word["nonce"] for word in self.heard("mapped") if word["mapped"] == "tcp"}), 1)
        self.assertEqual(len({word["nonce"] for word in self.heard("mapped")}), 2)
        mount.stop()

    def test_natpmp_maps_where_pcp_refuses(self):
        self.gateway("pcp-refusing")
        mount = self.mount()
        self.wait_for(lambda: self.announced()[-1:] == [mount.port + 1000], "announce of the external port", 10)
        self.assertEqual(len(self.heard("refused")), 1)
        mount.stop()
        self.assertEqual({word["unmapped"] for word in self.heard("unmapped")}, {"tcp", "udp"})

    def test_a_router_that_restarts_meanwhile_is_asked_again_soon(self):
        self.gateway("pcp-forgetful")
        mount = self.mount()
        mount.find("lost its mappings", 10)
        self.wait_for(lambda: len(self.mapped("tcp")) == 2, "mapping that is made again", 15)
        mount.stop()

    def test_another_address_of_ours_is_mapped_anew(self):
        self.gateway("pcp")
        mount = self.mount()
        self.wait_for(lambda: self.mapped("udp"), "mapping", 10)
        run("ip", "address", "add", "10.77.0.3/24", "dev", "router")
        run("ip", "route", "replace", "default", "via", ROUTER, "src", "10.77.0.3")
        self.wait_for(lambda: len(self.mapped("tcp")) == 2, "mapping of the new address", 15)
        mount.stop()

    def test_natpmp_maps_tells_and_gives_back(self):
        self.gateway("natpmp")
        mount = self.mount()
        outside = mount.port + 1000
        self.wait_for(lambda: self.announced()[-1:] == [outside], "announce of the external port", 10)
        self.assertEqual(self.mapped("tcp"), [(mount.port, outside)])
        self.wait_for(lambda: self.mapped("udp"), "mapping of the UDP port", 10)
        self.assertEqual(self.mapped("udp")[0][0], mount.port)
        mount.stop()
        self.assertEqual({(word["unmapped"], word["port"]) for word in self.heard("unmapped")},
                         {("tcp", mount.port), ("udp", mount.port)})

    def test_without_a_dht_and_utp_nothing_is_to_come_by_udp(self):
        self.gateway("natpmp")
        mount = self.mount("--no-dht", "--transport", "tcp")
        self.wait_for(lambda: self.announced()[-1:] == [mount.port + 1000], "announce of the external port", 10)
        mount.stop()
        self.assertEqual(self.mapped("udp"), [])
        self.assertEqual([word["unmapped"] for word in self.heard("unmapped")], ["tcp"])

    def test_natpmp_is_renewed_before_the_lease_ends(self):
        self.gateway("natpmp", 20)
        mount = self.mount()
        self.wait_for(lambda: len(self.mapped("tcp")) == 2, "renewal", 18)
        first, second = self.mapped("tcp")
        self.assertEqual(second, (first[0], first[1] + 1000), "what was had is wanted again")
        self.wait_for(lambda: self.announced()[-1:] == [second[1]], "announce of the newest port", 10)
        mount.stop()

    def test_upnp_maps_tells_and_gives_back(self):
        self.gateway("upnp")
        mount = self.mount()
        outside = mount.port + 1  # its own is taken
        self.wait_for(lambda: self.announced()[-1:] == [outside], "announce of the external port", 15)
        self.assertEqual(self.mapped("tcp"), [(mount.port, outside)])
        self.assertEqual({word["host"] for word in self.heard("mapped")}, {US})
        self.wait_for(lambda: self.mapped("udp"), "mapping of the UDP port", 10)
        external = {("tcp", outside), ("udp", self.mapped("udp")[0][1])}
        mount.stop()
        self.assertEqual({(word["unmapped"], word["external"]) for word in self.heard("unmapped")}, external)

    def test_a_seed_is_mapped_too(self):
        self.gateway("natpmp")
        seed = btfs.Seed(self, self.content, self.folder / "seed.torrent", *OPTIONS, alone=False)
        seed.find(f"TCP port {seed.port} is reached from outside at port {seed.port + 1000}", 10)

    def assert_not_asked(self, *options):
        self.gateway("natpmp")
        mount = self.mount(*options)
        self.wait_for(self.announced, "announce", 10)
        time.sleep(2)  # for what should not come there is nothing to wait for
        mount.stop()
        self.assertEqual(self.heard("asked"), [])
        self.assertEqual(set(self.announced()), {mount.port})

    def test_nobody_is_asked_with_no_portmap(self):
        self.assert_not_asked("--no-portmap")

    def test_nobody_is_asked_with_bind(self):
        self.assert_not_asked("--bind", US)

    def assert_does_no_harm(self, end_after):
        seed = btfs.Seed(self, self.content, self.folder / "seed.torrent")
        began = time.monotonic()
        mount = btfs.Mount(self, self.torrent, peers=[seed.port], options=OPTIONS, alone=False)
        self.assertEqual(differences(self.content, mount.mountpoint / "content"), "")
        self.assertLess(time.monotonic() - began, 2)
        mount.find(end_after, 10)
        began = time.monotonic()
        mount.stop()
        self.assertLess(time.monotonic() - began, 2)
        self.assertEqual(self.heard("mapped"), [])

    def test_a_silent_router_delays_neither_start_nor_end(self):
        self.gateway("silent")
        self.assert_does_no_harm(f"asking {ROUTER} by UPnP")

    def seconds_to_stop(self, mount):
        began = time.monotonic()
        mount.stop()
        return time.monotonic() - began

    def test_where_nothing_was_given_nothing_is_waited_for(self):
        self.gateway("mute")
        usual = self.seconds_to_stop(self.mount("--no-portmap"))
        for key, value in (("asked", "natpmp"), ("asked", "upnp"), ("described", "mute")):
            with self.subTest(f"{key} {value}"):
                before = len(self.heard(key))
                mount = self.mount()
                self.wait_for(lambda: value in [word[key] for word in self.heard(key)[before:]], value, 10)
                self.assertLess(self.seconds_to_stop(mount), usual + 0.5)

    def test_a_router_that_falls_silent_is_waited_for_a_second(self):
        self.gateway("natpmp")
        usual = self.seconds_to_stop(self.mount("--no-portmap"))
        mount = self.mount()
        mount.find("TCP port .* is reached from outside")
        self.gateway_process.send_signal(signal.SIGSTOP)
        self.assertLess(self.seconds_to_stop(mount), usual + 3)  # the tracker has its second, too
        self.gateway_process.send_signal(signal.SIGCONT)

    def test_a_router_that_comes_later_is_asked_then(self):
        run("ip", "route", "delete", "default")
        self.gateway("natpmp")
        mount = self.mount()
        self.wait_for(self.announced, "announce", 10)
        self.assertEqual(self.heard("asked"), [])
        run("ip", "route", "add", "default", "via", ROUTER)
        self.wait_for(lambda: self.mapped("tcp"), "mapping", 15)
        run("ip", "route", "delete", "default")
        self.wait_for(lambda: self.announced()[-1:] == [mount.port], "announce of our own port", 15)

    def test_a_router_that_answers_nonsense_does_no_harm(self):
        self.gateway("nonsense")
        self.assert_does_no_harm("offers none of PCP, NAT-PMP, UPnP")

    def test_upnp_without_leases_maps_for_good_and_gives_back(self):
        self.gateway("permanent")
        mount = self.mount()
        self.wait_for(lambda: self.mapped("tcp"), "mapping", 15)
        mount.find("TCP port .* for good", 5)
        self.assertEqual({word["lease"] for word in self.heard("mapped")}, {0})
        mount.stop()
        self.assertIn("tcp", {word["unmapped"] for word in self.heard("unmapped")})

    def assert_given_up(self, kind, heard):
        self.gateway(kind)
        mount = self.mount()
        mount.find("peers may not be able to connect to us", 20)
        self.wait_for(self.announced, "announce", 10)
        mount.stop()
        self.assertEqual(set(self.announced()), {mount.port})
        words = self.wait_for(lambda: self.heard(heard), heard, 5)
        end(self.gateway_process)
        return words

    def test_a_mapping_of_no_port_or_no_time_is_none(self):
        for kind in ("port-0", "lease-0"):
            with self.subTest(kind):
                self.assert_given_up(kind, "mapped")

    def test_upnp_that_never_ends_is_read_only_so_far(self):
        for kind, most in (("endless", 8_000_000), ("slow", 100)):  # the one: what the kernels hold, too
            with self.subTest(kind):
                [word] = self.assert_given_up(kind, "hung_up_after")
                self.assertLess(word["hung_up_after"], most)

    def test_upnp_that_says_nothing_or_refuses_is_given_up(self):
        self.assert_given_up("mute", "described")
        refused = self.assert_given_up("refusing", "refused")
        self.assertEqual([word["refused"] for word in refused], [7200, 0])


if __name__ == "__main__":
    main()
