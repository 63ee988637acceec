// Node's net: a callback a read, and a write to each member's socket.
import net from "node:net";

const sockets = new Set();
const two = (number) => String(number).padStart(2, "0");

function moment() {
  const now = new Date();
  const date = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  return `${date} ${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}`;
}

const server = net.createServer({ noDelay: true }, (socket) => {
  const sender = `${socket.remoteAddress}:${socket.remotePort}`;
  let rest = "";
  sockets.add(socket);
  socket.setEncoding("utf8");
  socket.on("data", (data) => {
    const lines = (rest + data).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const text = line.trim();
      if (text === "quit") {
        socket.end();
        return;
      }
      const message = Buffer.from(`${moment()} ${sender}\n${text}\n`);
      for (const other of sockets) other.write(message);
    }
  });
  socket.on("close", () => sockets.delete(socket));
  socket.on("error", () => {});
});

server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });
