"""The estimate of tokens, held against what OpenAI's o200k_base tokenizer counts."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.tokens import IMAGE_TOKENS, LOW_IMAGE_TOKENS, estimate_tokens, request_tokens

# Each text with the tokens that o200k_base makes of it.
ENGLISH = {
    "Hi there! I've been trying to reset my password since yesterday, but the e-mail never "
    "arrives. Could you check whether my account is still active? I already looked in the spam "
    "folder, and a colleague of mine has the same problem.": 48,
    "The harbour was quiet that morning. A few gulls circled above the empty boats, and somewhere "
    "behind the warehouses a bell rang twice. She put down her suitcase, counted the coins in her "
    "pocket, and wondered whether anybody would still remember her name after so many years "
    "abroad.": 56,
}
CODE = {
    "export async function fetchUser(id, { signal } = {}) {\n"
    "  const response = await fetch(`/api/users/${id}`, { signal });\n"
    "  if (!response.ok) {\n"
    "    throw new Error(`HTTP ${response.status}`);\n"
    "  }\n"
    "  const { data, meta } = await response.json();\n"
    "  return data.map((item) => ({ ...item, createdAt: new Date(item.created_at) }));\n"
    "}\n": 82,
    '{"id":"msg_01K9","object":"thread.message","created_at":1800000000,"content":[{"type":"text",'
    '"text":{"value":"Hello","annotations":[]}}],"metadata":{"team":"arts"},'
    '"usage":{"prompt_tokens":10,"completion_tokens":5}}': 58,
    "SELECT u.id, u.email, COUNT(o.id) AS orders FROM users u LEFT JOIN orders o ON o.user_id = "
    "u.id WHERE u.created_at >= '2025-01-01' GROUP BY u.id, u.email HAVING COUNT(o.id) > 3 ORDER "
    "BY orders DESC LIMIT 50;": 64,
}
EAST_ASIAN = {
    "昨天我试着重置密码,但是一直没有收到邮件。请问您能帮我查一下账户是否还有效吗?"
    "我已经检查过垃圾邮件文件夹,我的同事也遇到了同样的问题。今天早上的港口很安静,"
    "几只海鸥在空船上方盘旋。": 69,
    "昨日からパスワードを再設定しようとしていますが、メールが届きません。アカウントがまだ"
    "有効かどうか確認していただけますか。迷惑メールのフォルダーはもう見ました。"
    "同僚にも同じ問題が起きています。": 62,
    "어제부터 비밀번호를 재설정하려고 하는데 이메일이 오지 않습니다. 제 계정이 아직 활성 "
    "상태인지 확인해 주시겠어요? 스팸 폴더는 이미 확인했고, 제 동료도 "
    "같은 문제를 겪고 있습니다.": 57,
}
EMOJI = {
    "🎉🎉 👍 😂😂😂 🚀🔥 ❤️ 🙏🏽 👩‍💻 🇩🇪 ✨ 😊 🤖 🐍 🍕": 35,
    "Great news 🎉 we shipped it 🚀🚀 thanks everyone 🙏 see you tomorrow 😊👍": 20,
}
OTHERS = {
    "कल से मैं अपना पासवर्ड रीसेट करने की कोशिश कर रहा हूँ, लेकिन ईमेल नहीं आ रहा है। "
    "क्या आप देख सकते हैं कि मेरा खाता अभी भी सक्रिय है?": 39,
    "Seit gestern versuche ich, mein Passwort zurückzusetzen, aber die E-Mail kommt nicht an. "
    "Könnten Sie bitte prüfen, ob mein Konto noch aktiv ist? Den Spam-Ordner habe ich schon "
    "durchsucht, und eine Kollegin hat dasselbe Problem.": 53,
    "Depuis hier, j'essaie de réinitialiser mon mot de passe, mais l'e-mail n'arrive jamais. "
    "Pourriez-vous vérifier si mon compte est toujours actif ? J'ai déjà regardé dans les "
    "courriers indésirables, et une collègue a le même problème.": 58,
    "منذ أمس أحاول إعادة تعيين كلمة المرور ولكن البريد الإلكتروني لا يصل. هل يمكنكم التحقق "
    "مما إذا كان حسابي لا يزال نشطًا؟ لقد بحثت بالفعل في مجلد الرسائل غير المرغوب فيها.": 47,
}


@pytest.mark.parametrize(
    ("text", "counted"), [*(ENGLISH | CODE | EAST_ASIAN | EMOJI | OTHERS).items()]
)
def test_the_estimate_is_within_a_fifth_of_what_a_tokenizer_counts(text: str, counted: int) -> None:
    assert estimate_tokens(text) == pytest.approx(counted, rel=0.2)


@given(st.text(max_size=200), st.text(max_size=200))
def test_more_text_is_never_fewer_tokens_by_much(one: str, two: str) -> None:
    together = estimate_tokens(one + two)
    assert together <= estimate_tokens(one) + estimate_tokens(two) + 1
    assert together >= estimate_tokens(one) - 1


@given(st.text(min_size=1, max_size=200).filter(lambda text: not text.isspace()))
def test_a_text_has_tokens_and_no_more_than_its_bytes(text: str) -> None:
    assert 1 <= estimate_tokens(text) <= len(text.encode()) + 1


@pytest.mark.parametrize("piece", [" ", "\t", "\n", " \n", "-", "a", "_", "word ", "漢", "😀", "é"])
def test_the_longest_text_takes_little_time_whatever_it_is_made_of(piece: str) -> None:
    text = piece * (256_000 // len(piece))
    started = time.process_time()
    estimate_tokens(text)
    assert time.process_time() - started < 2


def test_images_cost_by_their_detail_and_not_by_their_url() -> None:
    def cost(detail: str, url: str = "https://x.example/i.png") -> int:
        image = {"type": "image_url", "image_url": {"url": url, "detail": detail}}
        return request_tokens([{"role": "user", "content": [image]}], [])

    rest = cost("low") - LOW_IMAGE_TOKENS
    assert rest < 10
    assert cost("auto") == cost("high") == IMAGE_TOKENS + rest
    assert cost("high", "data:image/png;base64," + "A" * 1_000_000) == cost("high")
