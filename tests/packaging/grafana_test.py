"""The Grafana dashboard asks for metrics that a mount has: grafana_test.py BTFS."""
import json
import re
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Dashboard(unittest.TestCase):
    def setUp(self):
        self.dashboard = json.loads((ROOT / "packaging/grafana/btfs.json").read_text())
        queries = [target["expr"] for panel in self.dashboard["panels"] for target in panel["targets"]]
        queries += [variable["query"]["query"] for variable in self.dashboard["templating"]["list"]
                    if variable["type"] == "query"]
        self.asked = set(re.findall(r"\bbtfs_\w+", " ".join(queries)))
        self.there = set(re.findall(r'"(btfs_\w+)"', (ROOT / "cli/service/metrics_text.cpp").read_text()))

    def test_each_metric_that_is_asked_for_is_there(self):
        known = self.there | {name + suffix for name in self.there for suffix in ("_bucket", "_sum", "_count")}
        self.assertEqual(self.asked - known, set())

    def test_the_metrics_of_a_mount_were_found(self):
        self.assertIn("btfs_received_bytes_total", self.there)
        self.assertGreaterEqual(len(self.asked), 10)

    def test_panels_have_names_and_places_of_their_own(self):
        panels = self.dashboard["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        self.assertEqual(len({panel["title"] for panel in panels}), len(panels))
        taken = set()
        for panel in panels:
            place = panel["gridPos"]
            cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                     for y in range(place["y"], place["y"] + place["h"])}
            self.assertFalse(cells & taken, panel["title"])
            self.assertLessEqual(place["x"] + place["w"], 24, panel["title"])
            taken |= cells


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
