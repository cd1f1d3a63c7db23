export function Story() {
  return <div />;
}
