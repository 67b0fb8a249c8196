"""The plain page behind the link that the SDK prints."""

from __future__ import annotations

from support.artifact_driver import ArtifactDriver


def test_page_of_a_version_shows_its_files_to_who_may_see_it(driver: ArtifactDriver) -> None:
    driver.log({"deep/<a>.txt": b"alpha"}, description="words & more")
    driver.world.add_user("stranger", "e" * 40)

    def page(version: str, key: str) -> tuple[int, str]:
        answer = driver.world.client.get(f"/local/p/artifacts/dataset/set/{version}",
                                         headers={"authorization": f"Bearer {key}"})
        return answer.status_code, answer.text

    status, text = page("v0", "f" * 40)
    assert status == 200
    assert "deep/&lt;a&gt;.txt (5 bytes)" in text
    assert "words &amp; more" in text
    assert page("latest", "f" * 40)[0] == 200
    assert page("%00", "f" * 40)[0] == 404
    assert page("v1", "f" * 40)[0] == page("v0", "e" * 40)[0] == 404
