#include "cli/rpc/rpc_message.hpp"

#include <gmock/gmock.h>

#include <boost/json.hpp>
#include <stdexcept>

namespace btfs::cli {
namespace {

using testing::HasSubstr;

/// Returns what it was called with; refuses the method "refuse" and fails with "fail".
boost::json::object echo(const RpcCall& call) {
    if (call.method == "refuse") throw RpcError(RpcError::invalid_params, "not so");
    if (call.method == "fail") throw std::runtime_error("the disk is full");
    return {{"method", call.method}, {"old", call.form == RpcForm::old}, {"params", call.params}};
}

boost::json::value answer(std::string_view body) {
    const auto text = answer_rpc(body, echo);
    EXPECT_TRUE(text) << body;
    return text ? boost::json::parse(*text) : boost::json::value();
}

int error_code(const boost::json::value& answer) {
    return answer.at("error").at("code").to_number<int>();
}

TEST(RpcMessage, AnswersTheOldFormInTheOldForm) {
    const auto reply = answer(R"({"method":"torrent-get","arguments":{"ids":[1]},"tag":7})");
    EXPECT_EQ(reply,
              boost::json::parse(R"({"arguments":{"method":"torrent_get","old":true,"params":{"ids":[1]}},)"
                                 R"("result":"success","tag":7})"));
    EXPECT_FALSE(answer(R"({"method":"x"})").as_object().contains("tag"));
    EXPECT_EQ(answer(R"({"method":"refuse","arguments":{}})"),
              boost::json::parse(R"({"arguments":{},"result":"not so"})"));
    EXPECT_EQ(answer(R"({"method":"fail"})").at("result"), "the disk is full");
    EXPECT_EQ(answer(R"({"method":5})").at("result"), "method is no text");
    EXPECT_EQ(answer(R"({"method":"x","arguments":[]})").at("result"), "arguments is no object");
}

TEST(RpcMessage, AnswersJsonRpc) {
    const auto reply = answer(R"({"jsonrpc":"2.0","method":"torrent_get","params":{"a":1},"id":"x"})");
    EXPECT_EQ(reply, boost::json::parse(R"({"jsonrpc":"2.0","result":{"method":"torrent_get","old":false,)"
                                        R"("params":{"a":1}},"id":"x"})"));
    const auto refused = answer(R"({"jsonrpc":"2.0","method":"refuse","id":1})");
    EXPECT_EQ(error_code(refused), -32602);
    EXPECT_EQ(refused.at("error").at("data").at("error_string"), "not so");
    EXPECT_EQ(refused.at("id"), 1);
    EXPECT_EQ(error_code(answer(R"({"jsonrpc":"1.0","method":"x","id":1})")), -32600);
    EXPECT_EQ(error_code(answer(R"({"jsonrpc":"2.0","id":1})")), -32600);
    EXPECT_EQ(error_code(answer(R"({"jsonrpc":"2.0","method":"x","params":[1],"id":1})")), -32602);
    EXPECT_EQ(error_code(answer(R"({"jsonrpc":"2.0","method":"x","id":{}})")), -32600);
    EXPECT_EQ(error_code(answer("5")), -32600);
}

TEST(RpcMessage, NotificationsHaveNoAnswer) {
    int calls = 0;
    const auto count = [&](const RpcCall&) -> boost::json::object {
        ++calls;
        throw RpcError(RpcError::system_error, "nobody hears of this");
    };
    EXPECT_FALSE(answer_rpc(R"({"jsonrpc":"2.0","method":"x"})", count));
    EXPECT_FALSE(answer_rpc(R"([{"jsonrpc":"2.0","method":"x"},{"jsonrpc":"2.0","method":"x"}])", count));
    EXPECT_EQ(calls, 3);
}

TEST(RpcMessage, ABatchIsAnsweredInOrderWithoutItsNotifications) {
    const auto replies = answer(R"([{"jsonrpc":"2.0","method":"a","id":1},{"jsonrpc":"2.0","method":"b"},)"
                                R"(5,{"jsonrpc":"2.0","method":"c","id":2}])");
    ASSERT_EQ(replies.as_array().size(), 3u);
    EXPECT_EQ(replies.at(0).at("result").at("method"), "a");
    EXPECT_EQ(error_code(replies.at(1)), -32600);
    EXPECT_EQ(replies.at(2).at("id"), 2);
    EXPECT_EQ(error_code(answer("[]")), -32600);
    std::string many = "[1";
    for (std::size_t i = 0; i < kMaxRpcBatch; ++i) many += ",1";
    EXPECT_EQ(error_code(answer(many + ']')), -32600);
}

TEST(RpcMessage, ABatchWhoseAnswersAreLargeIsCutShort) {
    int calls = 0;
    const auto large = [&](const RpcCall&) -> boost::json::object {
        ++calls;
        return {{"text", std::string(kMaxRpcBatchAnswers / 2, 'x')}};
    };
    std::string batch;
    for (int id = 1; id <= 4; ++id)
        batch += std::string(batch.empty() ? "[" : ",") + R"({"jsonrpc":"2.0","method":"x","id":)" +
                 std::to_string(id) + '}';
    const auto answers = boost::json::parse(*answer_rpc(batch + ']', large));
    EXPECT_EQ(calls, 2);
    ASSERT_EQ(answers.as_array().size(), 4u);
    EXPECT_TRUE(answers.at(1).as_object().contains("result"));
    EXPECT_EQ(answers.at(2).at("id"), 3);
    EXPECT_TRUE(answers.at(3).as_object().contains("error"));
}

TEST(RpcMessage, JunkIsAParseError) {
    for (const char* junk : {"", "{", "nonsense", "{\"method\":", "\xff\xfe"})
        EXPECT_EQ(error_code(answer(junk)), -32700) << junk;
}

TEST(RpcMessage, DeepAndWideBodiesAreRefused) {
    EXPECT_EQ(error_code(answer(std::string(100'000, '['))), -32700);
    std::string wide = "[";
    for (int i = 0; i < 3'000'000; ++i) wide += "[],";
    const auto refused = answer(wide + "[]]");
    EXPECT_EQ(error_code(refused), -32700);
    EXPECT_THAT(std::string(refused.at("error").at("data").at("error_string").as_string()),
                HasSubstr("memory"));
}

}  // namespace
}  // namespace btfs::cli
