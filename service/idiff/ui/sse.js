// Server-sent events from text that comes in pieces.

/** `take(name, data)` is called for each whole event; feed the result pieces of text. */
export function reader(take) {
  let rest = "";
  return (piece) => {
    const blocks = (rest + piece).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      let name = "message";
      const data = [];
      for (const line of block.split("\n")) {
        if (line.startsWith("event:")) name = line.slice(6).trim();
        else if (line.startsWith("data:")) data.push(line.slice(5).trimStart());
      }
      if (data.length) take(name, JSON.parse(data.join("\n")));
    }
  };
}
