import pytest


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, and no other place where a data set could be found."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("KELBO_CACHE_DIR", str(folder))
    monkeypatch.delenv("KELBO_DATA_DIR", raising=False)
    return folder


@pytest.fixture
def refuses():
    """`refuses(call, *words)`: `call()` raises an InputError of one line that holds the words."""
    from kelbo.errors import InputError

    def check(call, *words):
        with pytest.raises(InputError) as caught:
            call()
        message = str(caught.value)
        assert "\n" not in message
        for word in words:
            assert str(word) in message
        return message

    return check
