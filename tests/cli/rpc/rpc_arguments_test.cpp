#include "cli/rpc/rpc_arguments.hpp"

#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "cli/rpc/rpc_message.hpp"

namespace btfs::cli {
namespace {

using testing::ElementsAre;

struct Given {
    explicit Given(std::string_view text) : json(boost::json::parse(text).as_object()), arguments(json) {}
    boost::json::object json;
    RpcArguments arguments;
};

TEST(RpcArguments, AreReadInAnyStyleAndWithTheirTypes) {
    const Given given(
        R"({"download-dir":"/x","paused":1,"peerLimit":5.0,"files_wanted":[0,3],"labels":["a"],)"
        R"("seedRatioLimit":1.5,"nothing":null})");
    EXPECT_EQ(given.arguments.text("download_dir"), "/x");
    EXPECT_EQ(given.arguments.flag("paused"), true);
    EXPECT_EQ(given.arguments.integer("peer_limit", 0, 10), 5);
    EXPECT_EQ(given.arguments.number("seed_ratio_limit"), 1.5);
    EXPECT_THAT(*given.arguments.indices("files_wanted"), ElementsAre(0u, 3u));
    EXPECT_THAT(*given.arguments.texts("labels"), ElementsAre("a"));
    EXPECT_FALSE(given.arguments.text("nothing"));
    EXPECT_FALSE(given.arguments.text("missing"));
}

TEST(RpcArguments, OtherTypesAreRefused) {
    const Given given(
        R"({"text":1,"flag":2,"number":"1","list":5,"files":[-1],"many":[1,"x"],"huge":1e300})");
    EXPECT_THROW(given.arguments.text("text"), RpcError);
    EXPECT_THROW(given.arguments.flag("flag"), RpcError);
    EXPECT_THROW(given.arguments.number("number"), RpcError);
    EXPECT_THROW(given.arguments.texts("list"), RpcError);
    EXPECT_THROW(given.arguments.indices("files"), RpcError);
    EXPECT_THROW(given.arguments.texts("many"), RpcError);
    EXPECT_THROW(given.arguments.integer("huge", 0, 100), RpcError);
}

TEST(RpcArguments, IdsAreANumberAHashAListOrAll) {
    using Kind = RpcIds::Kind;
    EXPECT_EQ(Given("{}").arguments.ids().kind, Kind::all);
    EXPECT_EQ(Given(R"({"ids":"recently-active"})").arguments.ids().kind, Kind::recently_active);
    EXPECT_EQ(Given(R"({"ids":"recently_active"})").arguments.ids().kind, Kind::recently_active);
    EXPECT_EQ(std::get<std::int64_t>(Given(R"({"ids":7})").arguments.ids().some.at(0)), 7);
    EXPECT_EQ(std::get<std::string>(Given(R"({"ids":"abc"})").arguments.ids().some.at(0)), "abc");
    EXPECT_EQ(Given(R"({"ids":[7,"abc"]})").arguments.ids().some.size(), 2u);
    const RpcIds none = Given(R"({"ids":[]})").arguments.ids();
    EXPECT_EQ(none.kind, Kind::some) << "a client whose list is empty does not mean all";
    EXPECT_TRUE(none.some.empty());
    EXPECT_THROW(Given(R"({"ids":[{}]})").arguments.ids(), RpcError);
    EXPECT_THROW(Given(R"({"ids":true})").arguments.ids(), RpcError);
}

TEST(RpcArguments, TooManyAreRefused) {
    boost::json::object many;
    for (std::size_t i = 0; i <= kMaxRpcArguments; ++i) many.emplace("a" + std::to_string(i), 1);
    EXPECT_THROW(RpcArguments{many}, RpcError);
}

}  // namespace
}  // namespace btfs::cli
