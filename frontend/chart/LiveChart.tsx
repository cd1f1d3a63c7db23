export function LiveChart() {
  return <div />;
}
