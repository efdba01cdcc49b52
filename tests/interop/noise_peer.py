# SPDX-License-Identifier: 0BSD
"""Sessions between our Noise (noise_oracle, the argument) and dissononce."""

import random
import subprocess
import sys

from dissononce.cipher.chachapoly import ChaChaPolyCipher
from dissononce.dh.x25519.x25519 import X25519DH
from dissononce.exceptions.decrypt import DecryptFailedException
from dissononce.hash.sha256 import SHA256Hash
from dissononce.processing.handshakepatterns.interactive.XX import (
    XXHandshakePattern)
from dissononce.processing.impl.cipherstate import CipherState
from dissononce.processing.impl.handshakestate import HandshakeState
from dissononce.processing.impl.symmetricstate import SymmetricState

MESSAGE_MAX = 65535
PAYLOAD_MAX = MESSAGE_MAX - 16
OVERHEAD = (32, 96, 64)  # of the handshake's messages

dice = random.Random(20240229)


class Oracle:
    def __init__(self, role, prologue):
        self.process = subprocess.Popen(
            [sys.argv[1], role, prologue], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def put(self, message):
        assert len(message) <= MESSAGE_MAX
        head = len(message).to_bytes(2, "big")
        self.process.stdin.write(head + bytes(message))
        self.process.stdin.flush()

    def get(self):
        size = int.from_bytes(self.process.stdout.read(2), "big")
        message = self.process.stdout.read(size)
        assert len(message) == size and size > 0, "the oracle ended early"
        return message

    def close(self):
        """Its exit code, and what it said."""
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said.decode().strip()


class Peer:
    """dissononce's end, up to the end of the handshake."""

    def __init__(self, oracle, initiator, prologue):
        dh = X25519DH()
        self.key = dh.generate_keypair()
        self.oracle = oracle
        self.initiator = initiator
        self.symmetric = SymmetricState(CipherState(ChaChaPolyCipher()),
                                        SHA256Hash())
        self.state = HandshakeState(self.symmetric, dh)
        self.state.initialize(XXHandshakePattern(), initiator,
                              prologue.encode(), s=self.key)

    def write(self, payload, harm=None):
        message = bytearray()
        done = self.state.write_message(payload, message)
        if harm is not None:
            message[harm % len(message)] ^= 1
        self.oracle.put(message)
        return done

    def read(self, want):
        got = bytearray()
        done = self.state.read_message(self.oracle.get(), got)
        assert bytes(got) == want, "another payload in the handshake"
        return done

    def ways(self, done):
        """The ciphers to seal and to open with."""
        return done if self.initiator else (done[1], done[0])


def payload_of(size):
    return dice.randbytes(size)


def shake_hands(peer, sizes, harm=None):
    """The ciphers, and the last payload that the oracle has read."""
    first = payload_of(sizes[0])
    if peer.initiator:
        last = payload_of(sizes[1])
        peer.write(first)
        peer.read(first)
        return peer.ways(peer.write(last, harm)), last
    peer.read(b"")
    peer.write(first, harm)
    return peer.ways(peer.read(first)), first


def rekey(state):
    """dissononce's own keeps the tag in the key, and starts its nonces anew:
    section 4.2 says otherwise of both."""
    count = state._nonce
    state.initialize_key(state.cipher.rekey(state._key)[:32])
    state.set_nonce(count)


def talk(peer, seal, open_, sizes):
    for size in sizes:
        said = b"rekey" if size is None else payload_of(size)
        peer.oracle.put(seal.encrypt_with_ad(b"", said))
        assert open_.decrypt_with_ad(b"", peer.oracle.get()) == said
        if size is None:
            rekey(seal)
            rekey(open_)


def meet(initiator, shake_sizes, talk_sizes):
    oracle = Oracle("responder" if initiator else "initiator", "mahatta")
    peer = Peer(oracle, initiator, "mahatta")
    (seal, open_), last = shake_hands(peer, shake_sizes)
    told = open_.decrypt_with_ad(b"", oracle.get())
    assert told[:32] == peer.symmetric.get_handshake_hash(), "another hash"
    assert told[32:64] == peer.key.public.data, "another key"
    assert told[64:] == last[:PAYLOAD_MAX - 64]
    talk(peer, seal, open_, talk_sizes)
    assert oracle.close() == (0, "")


def dice_sizes(most, count):
    return [min(most, int(2 ** (dice.random() * 17)) - 1)
            for _ in range(count)]


def meet_often(initiator):
    for _ in range(40):
        most = MESSAGE_MAX - max(OVERHEAD)
        talk_sizes = dice_sizes(PAYLOAD_MAX, 30)
        talk_sizes.insert(10, None)
        talk_sizes.insert(20, None)
        meet(initiator, dice_sizes(most, 2), talk_sizes)


def meet_at_limits(initiator):
    meet(initiator, (0, 0), (0, 1, None, PAYLOAD_MAX - 1, PAYLOAD_MAX))
    # The oracle gives the first payload back in a message with more around.
    own = MESSAGE_MAX - max(OVERHEAD[0:2] if initiator else OVERHEAD[1:3])
    meet(initiator, (own, MESSAGE_MAX - OVERHEAD[2]), (0,))


def expect_refused(oracle):
    code, said = oracle.close()
    assert code == 1 and said.startswith("ESIG: "), (code, said)


def refuse_damage(initiator):
    for at in range(0, 96, 5):
        oracle = Oracle("responder" if initiator else "initiator", "mahatta")
        peer = Peer(oracle, initiator, "mahatta")
        try:
            shake_hands(peer, (0, 0), at)
            oracle.get()
        except AssertionError:
            pass
        else:
            raise AssertionError("a damaged handshake was taken")
        expect_refused(oracle)


def refuse_prologue(initiator):
    oracle = Oracle("responder" if initiator else "initiator", "mahatta")
    peer = Peer(oracle, initiator, "mahattb")
    try:
        shake_hands(peer, (0, 0))
    except DecryptFailedException:
        assert initiator  # who reads message 2 sees it
        oracle.process.kill()
        oracle.close()
    except AssertionError:
        assert not initiator
        expect_refused(oracle)
    else:
        raise AssertionError("another prologue was taken")


def refuse_sealed(initiator):
    oracle = Oracle("responder" if initiator else "initiator", "mahatta")
    peer = Peer(oracle, initiator, "mahatta")
    (seal, open_), _ = shake_hands(peer, (3, 3))
    open_.decrypt_with_ad(b"", oracle.get())
    seal.encrypt_with_ad(b"", b"left out")
    oracle.put(seal.encrypt_with_ad(b"", b"comes too early"))
    expect_refused(oracle)


def main():
    passed = failed = 0
    for test in (meet_often, meet_at_limits, refuse_damage, refuse_prologue,
                 refuse_sealed):
        for initiator in (True, False):
            try:
                test(initiator)
                passed += 1
            except Exception as fault:
                failed += 1
                role = "initiator" if initiator else "responder"
                print("not ok - %s, dissononce is the %s: %s %s" % (
                    test.__name__, role, type(fault).__name__, fault))
    print("%d passed, %d failed" % (passed, failed))
    return failed > 0


sys.exit(main())
