declare module '*.json?first' {
  const words: object;
  export default words;
}
