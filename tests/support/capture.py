"""What goes over an interface, as the kernel sees it."""
import socket
import struct
import threading

ETH_P_ALL, IPV4, IPV6 = 0x0003, 0x0800, 0x86DD
SO_RCVBUFFORCE = 33
TCP, UDP = 6, 17


class Packet:
    def __init__(self, protocol, source, target, source_port, target_port, payload):
        self.protocol, self.payload = protocol, payload
        self.source, self.target, self.source_port, self.target_port = source, target, source_port, target_port

    def __repr__(self):
        kind = {TCP: "TCP", UDP: "UDP"}.get(self.protocol, f"protocol {self.protocol}")
        return (f"{kind} {self.source}:{self.source_port} > {self.target}:{self.target_port}"
                f" {bytes(self.payload[:40])!r}")


def _parse(frame, ethertype):
    if ethertype == IPV4 and len(frame) >= 20:
        protocol, size = frame[9], 4 * (frame[0] & 15)
        source, target = socket.inet_ntop(socket.AF_INET, frame[12:16]), socket.inet_ntop(socket.AF_INET, frame[16:20])
    elif ethertype == IPV6 and len(frame) >= 40:
        protocol, size = frame[6], 40
        source = socket.inet_ntop(socket.AF_INET6, frame[8:24])
        target = socket.inet_ntop(socket.AF_INET6, frame[24:40])
    else:
        return None
    rest = frame[size:]
    if protocol not in (TCP, UDP) or len(rest) < 8:
        return Packet(protocol, source, target, 0, 0, rest)
    ports = struct.unpack(">HH", rest[:4])
    payload = rest[8:] if protocol == UDP else rest[4 * (rest[12] >> 4):]
    return Packet(protocol, source, target, *ports, payload)


class Capture:
    """IP packets on an interface of this namespace, from now until the test's end."""

    def __init__(self, test, interface):
        self.packets = []
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)  # on a busy machine nothing is missed either
        self._socket.bind((interface, ETH_P_ALL))
        self._socket.settimeout(0.2)
        self._ended = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        test.addCleanup(self._end)

    def _run(self):
        while not self._ended:
            try:
                frame, address = self._socket.recvfrom(65536)
            except TimeoutError:
                continue
            packet = _parse(frame, address[1])
            if packet:
                self.packets.append(packet)

    def _end(self):
        self._ended = True
        self._thread.join()
        self._socket.close()

    def of(self, port, condition=lambda packet: True):
        """Those from a port of ours for which the condition holds."""
        return [p for p in list(self.packets) if p.source_port == port and condition(p)]


def is_dht(packet):
    return packet.protocol == UDP and bytes(packet.payload[:1]) == b"d" and b"1:y1:" in bytes(packet.payload)


def is_lsd(packet):
    return packet.protocol == UDP and packet.target_port == 6771


def offers_pex(packet):
    return packet.protocol == TCP and b"6:ut_pex" in bytes(packet.payload)
