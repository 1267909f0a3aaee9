// The DHT's messages (BEP 5, with BEP 32, 33, 42, 43, 44): bencoded dictionaries in datagrams.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/core/bytes.hpp"
#include "engine/core/error.hpp"
#include "engine/dht/contact.hpp"
#include "engine/dht/peer_filter.hpp"

namespace btfs::dht {

/// Largest datagram that we send (BEP 32).
inline constexpr std::size_t kMaxDatagram = 1024;
// Largest parts taken of others' messages; the rest is left out.
inline constexpr std::size_t kMaxTransaction = 32;
inline constexpr std::size_t kMaxToken = 64;
inline constexpr std::size_t kMaxNodes = 32;
inline constexpr std::size_t kMaxValues = 200;
inline constexpr std::size_t kMaxItem = 1000;

/// Nodes of which families are asked for (BEP 32); neither: of the family that is spoken over.
struct Want {
    bool v4 = false;
    bool v6 = false;
    bool operator==(const Want&) const = default;
};

struct Ping {};
struct FindNode {
    NodeId target;
    Want want;
};
struct GetPeers {
    NodeId info_hash;
    Want want;
    bool no_seeds = false;  ///< BEP 33
    bool scrape = false;    ///< BEP 33
};
struct AnnouncePeer {
    NodeId info_hash;
    std::uint16_t port = 0;
    bool implied_port = false;  ///< the datagram's port counts
    bool seed = false;          ///< BEP 33
    std::string token;
};
/// BEP 44.
struct GetItem {
    NodeId target;
    Want want;
};
/// A method that is not known here. With a target it is answered as FindNode is.
struct UnknownMethod {
    std::optional<NodeId> target;
};
/// An argument of the method is missing or malformed.
struct BadArguments {};

using Method = std::variant<Ping, FindNode, GetPeers, AnnouncePeer, GetItem, UnknownMethod, BadArguments>;

struct Query {
    std::string transaction;
    NodeId sender;
    Method method;
    bool read_only = false;  ///< the sender is not to be asked (BEP 43)
};

/// A mutable or immutable item as it stands in a reply, unproven (BEP 44).
struct RawItem {
    Bytes value;  ///< bencoded
    std::string key, signature;
    std::optional<std::int64_t> sequence;
};

struct Response {
    std::string transaction;
    NodeId sender;
    std::vector<Contact> nodes;    ///< of both families
    std::vector<Endpoint> values;  ///< peers
    std::string token;
    std::optional<RawItem> item;
    std::optional<PeerFilter> seed_filter, peer_filter;  ///< BEP 33
    std::optional<Endpoint> your_endpoint;               ///< BEP 42
};

struct ErrorReply {
    static constexpr std::int64_t kGeneric = 201, kServer = 202, kProtocol = 203, kUnknownMethod = 204;

    std::string transaction;
    std::int64_t code = kGeneric;
    std::string text;
};

using Message = std::variant<Query, Response, ErrorReply>;

/// Reads a datagram. Unknown keys are left alone, lists are cut at the limits above. Errc::message_malformed
/// for what cannot even be answered.
Result<Message> parse_krpc(ByteView datagram);

Bytes encode(const Query& query);
/// The values are cut to what fits in kMaxDatagram.
Bytes encode(const Response& response);
Bytes encode(const ErrorReply& error);

}  // namespace btfs::dht
