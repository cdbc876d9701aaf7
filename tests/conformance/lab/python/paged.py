"""A region whose page is followed: what people paste from it is what runs."""
import re

from patroni_pods import Cluster


class Page:
    """README.md of a cluster: its blocks, and the commands of its steps."""

    def __init__(self, path):
        self.text = path.read_text(encoding="utf-8")
        self.head = re.search(r"^```sh\n(.*?)^```$", self.text, re.S | re.M)[1]

    def section(self, title):
        return re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^## |\Z)", self.text, re.S | re.M)[1]

    def step(self, title, number):
        """The commands of a step, as they stand there."""
        text = re.search(rf"^{number}\. (.*?)$", self.section(title), re.M)[1]
        return [span for span in re.findall(r"`([^`]+)`", text) if re.match(r"(k|ctl|sql|for|kubectl) ", span)]

    def block(self, title):
        return re.search(r"^```sh\n(.*?)^```$", self.section(title), re.S | re.M)[1]


class Region(Cluster):
    """A cluster that agrees by etcd, behind its routers and pools, in a namespace that plays a region."""

    def __init__(self, manifest, api, proxy, kubelet, documents, tree, follower):
        super().__init__(manifest, api, proxy, kubelet, documents)
        self.tree, self.follower = tree, follower
        self.page = Page(tree / manifest.parents[1].name / "patroni" / manifest.stem.removeprefix("postgres-") / "README.md")

    def paste(self, text):
        """In the directory of the whole output, with the page's own words before it."""
        return self.follower.paste(f"{self.page.head}\n{text}", self.tree)

    def follow(self, title, *numbers):
        """The commands of these steps; what they print."""
        return "".join(self.paste(command) for number in numbers for command in self.page.step(title, number))

    def leader(self):
        return next((m for m, (role, _) in self.states().items() if "Leader" in role), None)

    def pod(self, member):
        """Patroni's name of a member holds the region, too, where this one was a standby at first."""
        return next(p for p in self.pods if member == p or member.startswith(f"{p}-"))

    def whole(self, role="Leader"):
        """One leader of that kind, and the others stream from it."""
        states = list(self.states().values())
        leaders = [state for kind, state in states if kind == role]
        return len(states) == len(self.pods) and leaders in (["running"], ["streaming"]) \
            and all(state == "streaming" for kind, state in states if kind != role)
