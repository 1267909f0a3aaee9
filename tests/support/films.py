"""Films for programs that play them or look into them."""
import subprocess


def make_film(path, seconds=20, rate="1M"):
    """Noise with a tone, as MP4 with its index at the end or as Matroska, by the name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=320x180:rate=25", "-f", "lavfi", "-i", "sine",
         "-t", str(seconds), "-vf", "noise=alls=20:allf=t", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
         "-g", "50", "-b:v", rate, "-c:a", "aac", path], check=True, stdin=subprocess.DEVNULL, timeout=60)
    return path
