package multirecall.analysis;

/** Backslash escapes as the analysis settings write them: {@code \n \t \r \b \f \\} and {@code \}{@code uXXXX}. */
final class Escapes {

    private Escapes() {}

    static String unescape(String escaped) {
        StringBuilder plain = new StringBuilder(escaped.length());
        int at = 0;
        while (at < escaped.length()) {
            char c = escaped.charAt(at++);
            if (c != '\\') {
                plain.append(c);
                continue;
            }
            if (at == escaped.length()) {
                throw new IllegalArgumentException("Invalid escaped char in [" + escaped + "]");
            }
            char escape = escaped.charAt(at++);
            switch (escape) {
                case 'n' -> plain.append('\n');
                case 't' -> plain.append('\t');
                case 'r' -> plain.append('\r');
                case 'b' -> plain.append('\b');
                case 'f' -> plain.append('\f');
                case 'u' -> {
                    if (at + 4 > escaped.length()) {
                        throw new IllegalArgumentException("Invalid escaped char in [" + escaped + "]");
                    }
                    plain.append((char) Integer.parseInt(escaped.substring(at, at + 4), 16));
                    at += 4;
                }
                default -> plain.append(escape);
            }
        }
        return plain.toString();
    }
}
