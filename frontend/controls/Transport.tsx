export function Transport() {
  return <div />;
}
