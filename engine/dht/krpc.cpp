#include "engine/dht/krpc.hpp"

#include <algorithm>

#include "engine/metainfo/bencode.hpp"

namespace btfs::dht {
namespace {

using bencode::Kind;
using bencode::Value;
using bencode::Writer;

constexpr bencode::Limits kLimits{.max_size = 8192, .max_depth = 16, .max_tokens = 1024};
constexpr std::string_view kVersion{"BT\1\0", 4};

std::optional<std::string> text_of(const Value& dictionary, std::string_view key, std::size_t max_size) {
    const auto value = dictionary.find(key, Kind::string);
    if (!value || value->string().size() > max_size) return std::nullopt;
    return std::string(value->string());
}

std::optional<NodeId> id_of(const Value& dictionary, std::string_view key) {
    const auto value = dictionary.find(key, Kind::string);
    if (!value || value->string().size() != NodeId::kSize) return std::nullopt;
    return NodeId::from(as_bytes(value->string()));
}

bool flag_of(const Value& dictionary, std::string_view key) {
    return dictionary.find_number<std::uint64_t>(key).value_or(0) != 0;
}

Want want_of(const Value& arguments) {
    Want want;
    const auto families = arguments.find("want", Kind::list);
    if (!families) return want;
    for (Value family : families->list()) {
        if (!family.is_string()) continue;
        if (family.string() == "n4") want.v4 = true;
        if (family.string() == "n6") want.v6 = true;
    }
    return want;
}

Method parse_method(std::string_view name, const Value& arguments) {
    const auto target = id_of(arguments, "target"), info_hash = id_of(arguments, "info_hash");
    if (name == "ping") return Ping{};
    if (name == "find_node") return target ? Method(FindNode{*target, want_of(arguments)}) : BadArguments{};
    if (name == "get") return target ? Method(GetItem{*target, want_of(arguments)}) : BadArguments{};
    if (name == "get_peers") {
        if (!info_hash) return BadArguments{};
        return GetPeers{*info_hash, want_of(arguments), flag_of(arguments, "noseed"),
                        flag_of(arguments, "scrape")};
    }
    if (name == "announce_peer") {
        const auto token = text_of(arguments, "token", kMaxToken);
        const auto port = arguments.find_number<std::uint16_t>("port");
        const bool implied_port = flag_of(arguments, "implied_port");
        if (!info_hash || !token || (!implied_port && !port)) return BadArguments{};
        return AnnouncePeer{*info_hash, port.value_or(0), implied_port, flag_of(arguments, "seed"), *token};
    }
    return UnknownMethod{target ? target : info_hash};
}

Result<Message> parse_query(std::string transaction, const Value& root) {
    const auto name = root.find("q", Kind::string);
    const auto arguments = root.find("a", Kind::dictionary);
    if (!name || !arguments) return Errc::message_malformed;
    const auto sender = id_of(*arguments, "id");
    if (!sender) return Errc::message_malformed;
    return Message(Query{std::move(transaction), *sender, parse_method(name->string(), *arguments),
                         flag_of(root, "ro")});
}

std::optional<PeerFilter> filter_of(const Value& reply, std::string_view key) {
    const auto filter = reply.find(key, Kind::string);
    if (!filter || filter->string().size() != PeerFilter::kSize) return std::nullopt;
    return PeerFilter::from(as_bytes(filter->string()));
}

std::optional<RawItem> item_of(const Value& reply) {
    const auto value = reply.find("v");
    if (!value || value->raw().size() > kMaxItem) return std::nullopt;
    RawItem item;
    item.value.assign(value->raw().begin(), value->raw().end());
    item.key = text_of(reply, "k", 32).value_or("");
    item.signature = text_of(reply, "sig", 64).value_or("");
    if (const auto sequence = reply.find("seq", Kind::integer)) item.sequence = sequence->integer();
    return item;
}

Result<Message> parse_response(std::string transaction, const Value& root) {
    const auto reply = root.find("r", Kind::dictionary);
    if (!reply) return Errc::message_malformed;
    const auto sender = id_of(*reply, "id");
    if (!sender) return Errc::message_malformed;
    Response response;
    response.transaction = std::move(transaction);
    response.sender = *sender;
    for (AddressFamily family : {AddressFamily::v4, AddressFamily::v6}) {
        const auto nodes = reply->find(family == AddressFamily::v4 ? "nodes" : "nodes6", Kind::string);
        if (!nodes) continue;
        const auto contacts = parse_compact(as_bytes(nodes->string()), family, kMaxNodes);
        response.nodes.insert(response.nodes.end(), contacts.begin(), contacts.end());
    }
    if (const auto values = reply->find("values", Kind::list)) {
        for (Value value : values->list()) {
            if (!value.is_string() || response.values.size() == kMaxValues) continue;
            const auto peer = Endpoint::from_compact(as_bytes(value.string()));
            if (peer && peer->is_dialable()) response.values.push_back(*peer);
        }
    }
    response.token = text_of(*reply, "token", kMaxToken).value_or("");
    response.item = item_of(*reply);
    response.seed_filter = filter_of(*reply, "BFsd");
    response.peer_filter = filter_of(*reply, "BFpe");
    if (const auto yours = root.find("ip", Kind::string))
        response.your_endpoint = Endpoint::from_compact(as_bytes(yours->string()));
    return Message(std::move(response));
}

Result<Message> parse_error(std::string transaction, const Value& root) {
    ErrorReply error;
    error.transaction = std::move(transaction);
    if (const auto list = root.find("e", Kind::list)) {
        for (Value item : list->list()) {
            if (item.is_integer()) error.code = item.integer();
            if (item.is_string()) error.text = item.string().substr(0, 200);
        }
    }
    return Message(std::move(error));
}

void put_contacts(Writer& writer, std::string_view key, const std::vector<Contact>& contacts,
                  AddressFamily family) {
    Bytes compact;
    append_compact(compact, contacts, family);
    if (!compact.empty()) writer.key(key).string(compact);
}

void put_want(Writer& writer, const Want& want) {
    if (!want.v4 && !want.v6) return;
    writer.key("want").begin_list();
    if (want.v4) writer.string("n4");
    if (want.v6) writer.string("n6");
    writer.end();
}

/// Visitor that writes a method's arguments in the order of their keys and returns the method's name.
class Arguments {
  public:
    Arguments(Writer& writer, const NodeId& sender) : writer_(writer), sender_(sender) {}

    std::string_view operator()(const Ping&) {
        put_id();
        return "ping";
    }
    std::string_view operator()(const FindNode& method) {
        put_id();
        writer_.key("target").string(method.target.view());
        put_want(writer_, method.want);
        return "find_node";
    }
    std::string_view operator()(const GetPeers& method) {
        put_id();
        writer_.key("info_hash").string(method.info_hash.view());
        if (method.no_seeds) writer_.key("noseed").integer(1);
        if (method.scrape) writer_.key("scrape").integer(1);
        put_want(writer_, method.want);
        return "get_peers";
    }
    std::string_view operator()(const AnnouncePeer& method) {
        put_id();
        if (method.implied_port) writer_.key("implied_port").integer(1);
        writer_.key("info_hash").string(method.info_hash.view());
        writer_.key("port").integer(method.port);
        writer_.key("seed").integer(method.seed ? 1 : 0);
        writer_.key("token").string(method.token);
        return "announce_peer";
    }
    std::string_view operator()(const GetItem& method) {
        put_id();
        writer_.key("target").string(method.target.view());
        put_want(writer_, method.want);
        return "get";
    }
    std::string_view operator()(const UnknownMethod&) { return ""; }
    std::string_view operator()(const BadArguments&) { return ""; }

  private:
    void put_id() { writer_.key("id").string(sender_.view()); }

    Writer& writer_;
    const NodeId& sender_;
};

Bytes encode(const Response& response, std::size_t value_count) {
    Bytes out;
    Writer writer(out);
    writer.begin_dictionary();
    if (response.your_endpoint) {
        Bytes compact;
        response.your_endpoint->append_compact(compact);
        writer.key("ip").string(compact);
    }
    writer.key("r").begin_dictionary();
    if (response.peer_filter) writer.key("BFpe").string(response.peer_filter->view());
    if (response.seed_filter) writer.key("BFsd").string(response.seed_filter->view());
    writer.key("id").string(response.sender.view());
    put_contacts(writer, "nodes", response.nodes, AddressFamily::v4);
    put_contacts(writer, "nodes6", response.nodes, AddressFamily::v6);
    if (!response.token.empty()) writer.key("token").string(response.token);
    if (value_count > 0) {
        writer.key("values").begin_list();
        for (std::size_t i = 0; i < value_count; ++i) {
            Bytes compact;
            response.values[i].append_compact(compact);
            writer.string(compact);
        }
        writer.end();
    }
    writer.end();
    writer.key("t").string(response.transaction).key("v").string(kVersion).key("y").string("r").end();
    return out;
}

}  // namespace

Result<Message> parse_krpc(ByteView datagram) {
    const auto document = bencode::decode_prefix(datagram, kLimits);
    if (!document) return document.error();
    const Value root = document->root();
    auto transaction = text_of(root, "t", kMaxTransaction);
    const auto kind = text_of(root, "y", 1);
    if (!transaction || !kind) return Errc::message_malformed;
    if (*kind == "q") return parse_query(std::move(*transaction), root);
    if (*kind == "r") return parse_response(std::move(*transaction), root);
    if (*kind == "e") return parse_error(std::move(*transaction), root);
    return Errc::message_malformed;
}

Bytes encode(const Query& query) {
    Bytes out;
    Writer writer(out);
    writer.begin_dictionary().key("a").begin_dictionary();
    const std::string_view method = std::visit(Arguments(writer, query.sender), query.method);
    writer.end();
    writer.key("q").string(method);
    if (query.read_only) writer.key("ro").integer(1);
    writer.key("t").string(query.transaction).key("v").string(kVersion).key("y").string("q").end();
    return out;
}

Bytes encode(const Response& response) {
    const std::size_t without = encode(response, 0).size() + std::string_view("6:valuesle").size();
    std::size_t count = 0;
    for (std::size_t size = without; count < response.values.size(); ++count) {
        size += response.values[count].address.is_v4() ? 8 : 21;  // with the digits of its size and the colon
        if (size > kMaxDatagram) break;
    }
    return encode(response, count);
}

Bytes encode(const ErrorReply& error) {
    Bytes out;
    Writer writer(out);
    writer.begin_dictionary().key("e").begin_list().integer(error.code).string(error.text).end();
    writer.key("t").string(error.transaction).key("v").string(kVersion).key("y").string("e").end();
    return out;
}

}  // namespace btfs::dht
