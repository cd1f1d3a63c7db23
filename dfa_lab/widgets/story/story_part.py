from dfa_lab.widgets.kernel import PagePart


class StoryPart(PagePart):
    name = "story"

    def show(self, runner):
        return None
