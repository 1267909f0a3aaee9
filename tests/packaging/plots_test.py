"""The plots of README.md are those of the figures beside them: plots_test.py BTFS."""
import importlib.util
import json
import sys
import unittest
import xml.etree.ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def load_script():
    spec = importlib.util.spec_from_file_location("plot_speed", ROOT / "packaging/plot-speed.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Plots(unittest.TestCase):
    def test_the_pictures_show_the_figures(self):
        data = json.loads((ROOT / "packaging/pictures/speed.json").read_text())
        readme = (ROOT / "README.md").read_text()
        self.assertTrue(data["plots"])
        for plot in data["plots"]:
            picture = load_script().picture(data["programs"], plot)
            self.assertEqual((ROOT / f"packaging/pictures/plot-{plot['name']}.svg").read_text(), picture, plot["name"])
            self.assertIn(f"packaging/pictures/plot-{plot['name']}.svg", readme)

    def test_bars_are_as_long_as_medians_and_names_are_no_markup(self):
        script = load_script()
        picture = script.picture({"btfs": "btfs", "other": "<Other>"}, {
            "title": "Rate", "about": "more is better", "unit": "MB/s", "values": {"btfs": [7, 8, 9], "other": [4]}})
        root = xml.etree.ElementTree.fromstring(picture)
        tag = "{http://www.w3.org/2000/svg}"
        widths = [float(rect.get("width")) for rect in root.findall(f"{tag}rect") if rect.get("class").startswith("bar")]
        self.assertAlmostEqual(widths[0], 2 * widths[1], delta=0.2)
        self.assertEqual(len(root.findall(f"{tag}circle")), 3)
        self.assertTrue({"<Other>", "8 MB/s", "4 MB/s"} <= {text.text for text in root.findall(f"{tag}text")})


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
