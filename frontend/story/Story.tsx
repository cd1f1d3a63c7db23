// The story that is told of the run, if one is.
import { useLab } from "../shared/lab.tsx";
import { useStore } from "../shared/use_store.ts";
import { StoryCard } from "./StoryCard.tsx";

export function Story() {
  const lab = useLab();
  const story = useStore(lab.story, (state) => state);
  if (!story?.title || !story.steps.length) return null;
  return <StoryCard story={story} act={(message) => lab.act(message, "story")} />;
}
